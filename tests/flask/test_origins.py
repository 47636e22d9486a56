"""Which pages may use `/flask`: CORS with credentials for the listed origins, and nothing for any other."""

import pytest

from model.settings import Settings
from pottle.settings import BadSetting, read
from tests.conftest import PASSWORD, Person, World
from tests.flask.conftest import COOKIE, LOCAL, SITE, STRANGER, Visit, ok, posted, refused

ASKED = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type,x-origin,x-api-key"}
READABLE = ("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers")


def words(header: str) -> set[str]:
    return {word.strip().lower() for word in header.split(",")}


async def test_it_works(visit: Visit) -> None:
    for origin in (SITE, LOCAL):
        for answer in (
            await visit("bob", origin).get("/flask/api/id"),
            await visit("", origin).get("/flask/api/groups"),
            await visit("", origin).get("/flask/api/id"),
            await visit("", origin).get("/flask/api/nowhere"),
            await visit("", origin).post("/flask/api/authenticate", {"uid": "bob", "password": PASSWORD}),
        ):
            assert answer.headers["Access-Control-Allow-Origin"] == origin
            assert answer.headers["Access-Control-Allow-Credentials"] == "true"
            assert "origin" in words(answer.headers["Vary"])


async def test_a_preflight_is_answered(visit: Visit) -> None:
    for path in ("/flask/api/id", "/flask/api/authenticate", "/flask/api/nowhere"):
        answer = await visit().http.options(path, headers=ASKED)
        assert answer.status_code == 204
        assert answer.content == b""
        assert answer.headers["Access-Control-Allow-Origin"] == SITE
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert words(answer.headers["Access-Control-Allow-Methods"]) == {"get", "post", "put", "delete"}
        assert {"x-origin", "content-type", "x-api-key"} <= words(answer.headers["Access-Control-Allow-Headers"])
        assert "origin" in words(answer.headers["Vary"])


@pytest.mark.parametrize("origin", [STRANGER, "null", SITE + ".evil.example", "http://school.github.io", SITE.upper()])
async def test_others_get_nothing(visit: Visit, origin: str) -> None:
    """Seen to fail (all of it) with every origin echoed."""
    stranger = visit("bob", origin)
    answer = await stranger.http.options("/flask/api/id", headers=ASKED)
    assert "POTTLE_FLASK_ORIGINS" in refused(answer, 403)
    for method, path in (("GET", "groups"), ("GET", "id"), ("POST", "posts/filter"), ("DELETE", "authenticate")):
        answer = await stranger.http.request(method, f"/flask/api/{path}")
        assert not any(name in answer.headers for name in READABLE)
        assert "origin" in words(answer.headers["Vary"])
    refused(await stranger.get("/flask/api/id"), 401)


async def test_a_cookie_changes_nothing_for_others(visit: Visit) -> None:
    """Of another origin, of none, and of a browser that does not say; seen to fail without the check in `look`."""
    made = await posted(visit("bob"))
    requests = [
        ("POST", "post", {"title": "x", "comment": "y", "channel_id": 1}),
        ("PUT", "post", {"id": made["id"], "title": "x"}),
        ("DELETE", "post", {"id": made["id"]}),
        ("PUT", "user", {"name": "x"}),
        ("PUT", "id/pfp", {"pfp": "x"}),
        ("DELETE", "id/pfp", {}),
        ("POST", "vote", {"post_id": made["id"], "vote_type": "upvote"}),
        ("POST", "channel", {"name": "x", "group_id": 1}),
        ("DELETE", "authenticate", {}),
    ]
    harmless = [("POST", "authenticate", {"uid": "bob", "password": PASSWORD}), ("POST", "posts/filter", {})]
    for origin, more in ((STRANGER, {}), (None, {}), (None, {"Sec-Fetch-Site": "cross-site"})):
        for method, path, body in requests + (harmless if origin or more else []):
            answer = await visit("bob", origin).http.request(method, f"/flask/api/{path}", json=body, headers=more)
            assert "POTTLE_FLASK_ORIGINS" in refused(answer, 403)
            assert "Set-Cookie" not in answer.headers
    assert ok(await visit("bob").get("/flask/api/posts")) == [made]
    assert ok(await visit("bob").get("/flask/api/id"))["name"] == "Bob"


async def test_programs_may_sign_in_and_read(visit: Visit) -> None:
    """They name no origin, and neither does a browser that reads from a page of the same host."""
    answer = await visit(origin=None).post("/flask/api/authenticate", {"uid": "bob", "password": PASSWORD})
    assert answer.cookies[COOKIE]
    assert ok(await visit("bob", None).get("/flask/api/id"))["uid"] == "bob"
    unnamed = await visit("bob", None).get("/flask/api/id", headers={"Sec-Fetch-Site": "cross-site"})
    refused(unnamed, 401)


async def test_programs_may_read_by_post_and_sign_in_again_with_the_cookie(visit: Visit, world: World) -> None:
    """No page can do that, for browsers name the origin of a POST."""
    program = visit("bob", None)
    ours = {"channel_id": world.class_channel}
    made = await posted(visit("bob"), **ours)
    assert ok(await program.post("/flask/api/posts/filter", ours)) == [made]
    assert ok(await program.post("/flask/api/channels/filter", {"group_name": "Class"}))
    assert ok(await program.post("/flask/api/groups/filter", {"section_name": "Class"}))
    again = await program.post("/flask/api/authenticate", {"uid": "bob", "password": PASSWORD})
    assert again.cookies[COOKIE]
    ok(await program.post("/flask/api/user", {"uid": "ann", "name": "Ann", "password": PASSWORD}))


async def test_what_is_kept_suits_every_origin(visit: Visit) -> None:
    """An answer from memory names the origin that asks; seen to fail with the headers added inside the cache."""
    for _ in range(2):
        for origin in (SITE, LOCAL, STRANGER, None):
            answer = await visit("", origin).get("/flask/api/groups")
            assert answer.status_code == 200
            expected = origin if origin in (SITE, LOCAL) else None
            assert answer.headers.get("Access-Control-Allow-Origin") == expected
            assert answer.headers["Cache-Control"] == "private, no-cache"
    known = {"If-None-Match": answer.headers["ETag"]}
    again = await visit().get("/flask/api/groups", headers=known)
    assert again.status_code == 304
    assert again.headers["Access-Control-Allow-Origin"] == SITE


async def test_nothing_is_loaded_without_asking(visit: Visit) -> None:
    """`<script src>` and the like, which send no origin, get nothing to run."""
    answer = await visit("bob", None).get("/flask/api/groups")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "application/json"


async def test_the_rest_stays_as_it_is(visit: Visit, anyone: Person) -> None:
    for origin in (SITE, STRANGER):
        answer = await anyone.get("/api/groups", headers={"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers
    refused_as_ours = await visit("bob").post("/api/channels/1/posts", {"body": "x"})
    assert refused_as_ours.status_code == 401
    assert refused_as_ours.headers["Content-Type"] == "application/problem+json"


@pytest.mark.check
def test_the_setting_takes_exact_origins() -> None:
    given = {"POTTLE_FLASK_ORIGINS": f"{SITE}, http://LOCALHOST:4100,https://x.test:443 ,http://[::1]:4100,"}
    expected = (SITE, "http://localhost:4100", "https://x.test", "http://[::1]:4100")
    assert read(given, Settings).flask_origins == expected
    for wrong in (
        "*",
        "https://*.github.io",
        SITE + "/",
        SITE + "/site",
        "school.github.io",
        "null",
        "ftp://x",
        SITE * 2,
    ):
        with pytest.raises(BadSetting, match=r"POTTLE_FLASK_ORIGINS.*https://school\.github\.io"):
            read({"POTTLE_FLASK_ORIGINS": wrong}, Settings)


async def test_cookies_may_come_one_by_one(visit: Visit, world: World) -> None:
    """As over HTTP/2. Seen to fail with the first header alone."""
    headers = [("Cookie", "theme=dark"), ("Cookie", f"{COOKIE}={world.tokens['bob']}")]
    assert ok(await visit().http.get("/flask/api/id", headers=headers))["uid"] == "bob"
