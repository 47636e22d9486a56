"""tests/make.py: rows for tests."""

from tests.conftest import Person
from tests.make import Make


async def test_it_works(make: Make, anyone: Person) -> None:
    """What is made is as it was asked for, and two of a kind are two."""
    ann, ben = await make.user(), await make.user("ben", name="Benedict")
    assert {ann.uid, ben.uid} == {"user1", "ben"}
    group = await make.group(reading="members", posting="members", members=(ann,))
    channel = await make.channel(group["slug"], title="Room")
    post = await make.post("Hi", channel=channel["id"], by=ann)
    assert (post["author"]["uid"], post["body"], channel["title"]) == (ann.uid, "Hi", "Room")
    assert (await ann.get(f"/api/posts/{post['id']}")).status_code == 200
    assert (await ben.get(f"/api/posts/{post['id']}")).status_code == 404
    assert (await make.channel())["id"] != (await make.channel())["id"]
    assert (await anyone.get(f"/api/posts/{(await make.post())['id']}")).json()["author"]["uid"] == "alice"
