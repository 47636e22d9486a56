"""POST /api/channels/{id}/posts."""

from tests.conftest import Person

LOBBY = "/api/channels/1/posts"


async def test_it_works(alice: Person, anyone: Person) -> None:
    made = await alice.post(LOBBY, {"body": "Hello **all**"})
    assert made.status_code == 201
    assert made.json()["html"] == "<p>Hello <strong>all</strong></p>"
    assert made.json()["author"] == {"uid": "alice", "name": "Alice", "avatar": None}

    listed = (await anyone.get(LOBBY)).json()
    assert listed["posts"] == [made.json()]


async def test_it_rejects_nobody(anyone: Person) -> None:
    refused = await anyone.post(LOBBY, {"body": "Hello"})
    assert refused.status_code == 401
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["type"] == "urn:pottle:unauthorized"
