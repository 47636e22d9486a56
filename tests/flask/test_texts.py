"""What people write, in pages that put it into `innerHTML`: no text is markup, and none is changed on its way."""

import hypothesis
from hypothesis import given
from hypothesis import strategies as st

from api.flask.endpoints import is_too_deep, meant, safe, safe_content, sent_back
from tests.conftest import Person
from tests.flask.conftest import Visit, ok, posted

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)",
    "&lt;b&gt; & &amp;",
    "</textarea><svg/onload=alert(1)>",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda part: st.lists(part) | st.dictionaries(st.text(), part),
)


def texts(value: object) -> list[str]:
    """Every text in what an answer holds."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts(part)]
    return [text for part in value for text in texts(part)] if isinstance(value, list) else []


async def test_no_text_is_markup(visit: Visit, root: Person) -> None:
    """Seen to fail with `safe` doing nothing."""
    for number, attack in enumerate(ATTACKS):
        bob = visit("bob")
        ok(await bob.put("/flask/api/user", json={"name": attack}))
        await root.post("/api/groups", {"slug": f"g{number}", "name": attack})
        channel = (await root.post(f"/api/groups/g{number}/channels", {"key": attack})).json()["id"]
        content = {attack: [attack, {"x": attack}]}
        made = await posted(bob, attack, attack, channel_id=channel, content=content)
        assert {text for text in texts(made) if meant(text) == attack} == {safe(attack)}
        for answer in (
            await bob.get("/flask/api/id"),
            await bob.get("/flask/api/user"),
            await bob.get("/flask/api/groups"),
            await bob.get("/flask/api/section"),
            await bob.get("/flask/api/channels"),
            await bob.get("/flask/api/posts"),
            await bob.get("/flask/api/post/user"),
            await bob.post("/flask/api/posts/filter", {"channel_id": channel}),
            await bob.post("/flask/api/groups/filter", {"section_name": attack}),
            await bob.post("/flask/api/channels/filter", {"group_name": attack}),
        ):
            assert any(meant(text) == attack for text in texts(ok(answer)))
            assert not any(character in text for text in texts(ok(answer)) for character in "<>\"'")
        for answer in (
            await bob.post("/flask/api/channels/filter", {"group_name": attack + "?"}),
            await bob.post("/flask/api/user/section", {"sections": [attack]}),
            await bob.put("/flask/api/user", json={"uid": attack}),
            await bob.post("/flask/api/authenticate", {"uid": attack}),
            await bob.get("/flask/api/post", params={"id": attack}),
            await bob.post("/flask/api/vote", {"post_id": made["id"], "vote_type": attack}),
        ):
            assert answer.status_code >= 400
            assert not any(character in answer.json()["message"] for character in "<>")


async def test_quotes_are_no_entities(visit: Visit) -> None:
    """Pages that use `textContent` showed `It&#x27;s`."""
    made = await posted(visit("bob"), 'The "best"', "It's")
    assert (made["title"], made["comment"]) == ("The \u201dbest\u201d", "It\u2019s")


async def test_what_is_sent_back_is_not_changed(visit: Visit, alice: Person) -> None:
    """Seen to fail (`&amp;lt;`) without `sent_back`."""
    for attack in ATTACKS:
        bob = visit("bob")
        account = ok(await bob.put("/flask/api/user", json={"name": attack}))
        assert ok(await bob.put("/flask/api/user", json={"name": account["name"]})) == account
        made = await posted(bob, attack, attack, content={"x": attack})
        again = {name: made[name] for name in ("id", "title", "comment", "content", "channel_id")}
        assert ok(await bob.put("/flask/api/post", json=again)) == made
        kept = (await alice.get(f"/api/posts/{made['id']}")).json()
        assert attack in kept["body"]
        assert kept["author"]["name"] == attack


async def test_what_cannot_be_sent_takes_no_list_away(visit: Visit, alice: Person) -> None:
    """Half a character, which JSON can spell and UTF-8 does not have. Seen to fail (500, for everybody) when
    `safe` leaves it, and when a title may have one."""
    for body in ('a\n\n```json\n{"\\ud800": ["\\udfff"]}\n```', "**&#55296;**"):
        assert (await alice.post("/api/channels/1/posts", {"body": body})).status_code == 201
    half, title = ok(await visit().get("/flask/api/posts"))
    assert half["content"] == {"?": ["?"]}
    again = {"id": title["id"], "title": title["title"], "comment": "b"}
    assert ok(await visit("alice").put("/flask/api/post", json=again))["title"] == title["title"] == "&amp;#55296;"


@hypothesis.settings(max_examples=50)
@given(st.text())
def test_a_text_comes_back(text: str) -> None:
    assert not set("<>\"'") & set(safe(text))
    assert meant(safe(text)) == text or set("&\u2019\u201d") & set(text)  # what was none before may look like one
    assert sent_back(safe(text), text) == text


@hypothesis.settings(max_examples=30, suppress_health_check=[hypothesis.HealthCheck.too_slow])
@given(VALUES)
def test_a_content_keeps_its_shape(value: object) -> None:
    made = safe_content(value)
    assert not set("<>\"'") & set("".join(texts(made)))
    assert unescaped(made) == value or set("\u2019\u201d") & set("".join(texts(made)))


def unescaped(value: object) -> object:
    if isinstance(value, str):
        return meant(value)
    if isinstance(value, dict):
        return {meant(name): unescaped(part) for name, part in value.items()}
    return [unescaped(part) for part in value] if isinstance(value, list) else value


def test_levels_are_counted() -> None:
    assert not is_too_deep([[[]]], 3)
    assert is_too_deep([[[]]], 2)
    assert is_too_deep({"a": {"b": 1}}, 1)
    assert not is_too_deep("[[[", 0)
