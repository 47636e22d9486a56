"""A post that shows nothing is refused, wherever it comes from, and one that was typed is seen."""

from tests.api.conftest import LOBBY, opened, posted, wrong_fields
from tests.cases import in_turn
from tests.conftest import Person

UNSEEN = [
    *(
        "\u200b",
        "\u3164",
        "\u2800\u2800",
        "\u00ad \ufeff",
        "&nbsp;",
        "&#8203; &#x3164;",
        "#",
        "- ",
        "> ",
        "```\n\n```",
        "~~~",
    ),
    *("``` hidden\n```", "[](https://a.example)", '[](https://a.example "a > b")', "` `", "* * *"),
]


@in_turn("body", UNSEEN)
async def test_it_works(alice: Person, body: str) -> None:
    assert wrong_fields(await alice.post(LOBBY, {"body": body})) == {"body"}


async def test_it_is_a_sentence(alice: Person) -> None:
    problem = (await alice.post(LOBBY, {"body": "\u3164"})).json()
    assert "shows nothing" in problem["detail"]


async def test_an_edit_shows_something_too(alice: Person) -> None:
    made = await posted(alice)
    for body in UNSEEN:
        assert wrong_fields(await alice.patch(f"/api/posts/{made['id']}", {"body": body})) == {"body"}
    assert (await alice.get(f"/api/posts/{made['id']}")).json()["body"] == "Hello"


async def test_a_guests_too(root: Person, anyone: Person) -> None:
    channel = await opened(root, "open", posting="guests")
    for body in UNSEEN:
        answer = await anyone.post(f"/api/channels/{channel}/posts", {"body": body, "guest": "Gast"})
        assert wrong_fields(answer) == {"body"}


@in_turn("body", ["[Reminder]: homework", "[^1]: Note", "?", "<b>", "&lt;", "\\#", "1\ufe0f\u20e3", "\U0001fae8"])
async def test_what_is_typed_is_seen(alice: Person, body: str) -> None:
    made = await posted(alice, body)
    assert made["html"].removeprefix("<p>").removesuffix("</p>")
