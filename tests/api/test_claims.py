"""Posts that came from another site become those of the account whose owner wrote them, and of nobody else."""

from sqlalchemy import insert, select

from model.arriving.guest import Guest, GuestPost
from model.talk.channel import Channel
from pottle.store import Tx, db
from tests.api.conftest import opened, refused, signed
from tests.conftest import Person

SITE = "https://blog.example"
EMAIL = "anna@school.example"


async def came(anyone: Person, channel: int, email: str | None = None) -> tuple[list[int], int]:
    """Two posts of a guest called Anna, and one of another, as an import brings them."""
    posts = []
    for text in ("First", "Second", "Of a namesake"):
        sent = {"body": text, "guest": "Anna"}
        made = await anyone.post(f"/api/channels/{channel}/posts", sent, headers={"Origin": SITE})
        assert made.status_code == 201, made.text
        posts.append(int(made.json()["id"]))

    def put(tx: Tx) -> None:
        group_id = tx.session.scalars(select(Channel.group_id).filter_by(id=channel)).one()
        for number, (address, wrote) in enumerate([(email, posts[:2]), (None, posts[2:])], 1):
            values = {"group_id": group_id, "source": "disqus", "name": "Anna", "email": address}
            tx.session.execute(insert(Guest).values(id=number, digest=bytes([number]), **values))
            tx.session.execute(insert(GuestPost), [{"post_id": id_, "guest_id": number} for id_ in wrote])

    await db.write(put)
    return posts[:2], posts[2]


async def authors(anyone: Person, channel: int) -> dict[int, object]:
    found = (await anyone.get(f"/api/channels/{channel}/posts")).json()["posts"]
    return {post["id"]: post["author"].get("uid") or post["author"] for post in found}


async def test_a_moderator_says_yes(root: Person, bob: Person, charlie: Person, anyone: Person) -> None:
    channel = await opened(root, "blog", posting="guests", origins=[SITE])
    mine, theirs = await came(anyone, channel, EMAIL)
    own = (await bob.post(f"/api/channels/{channel}/posts", {"body": "Mine"})).json()["id"]
    assert (await authors(anyone, channel))[mine[0]] == {"guest": "Anna"}
    refused(await anyone.put(f"/api/posts/{mine[0]}/claim"), 401)
    refused(await bob.put(f"/api/posts/{own}/claim"), 404)
    for _twice in range(2):
        assert (await bob.put(f"/api/posts/{mine[0]}/claim")).status_code == 204
    assert (await charlie.put(f"/api/posts/{mine[1]}/claim")).status_code == 204
    assert [one["guest"] for one in (await bob.get("/api/me/claims")).json()["claims"]] == ["Anna"]
    refused(await bob.get("/api/groups/blog/claims"), 403)
    answer = await root.get("/api/groups/blog/claims")
    assert EMAIL not in answer.text
    of_charlie, of_bob = answer.json()["claims"]
    assert (of_bob["uid"], of_bob["posts"], of_charlie["uid"]) == ("bob", 2, "charlie")
    where = f"/api/groups/blog/claims/{of_bob['id']}"
    refused(await bob.patch(where, {"state": "approved"}), 403)
    assert (await root.patch(where, {"state": "approved"})).status_code == 204
    found = await authors(anyone, channel)
    assert [found[id_] for id_ in (*mine, own, theirs)] == ["bob", "bob", "bob", {"guest": "Anna"}]
    assert (await root.get("/api/groups/blog/claims")).json()["claims"] == []
    refused(await charlie.put(f"/api/posts/{mine[0]}/claim"), 409)
    assert (await bob.patch(f"/api/posts/{mine[0]}", {"body": "I may edit it"})).status_code == 200


async def test_a_proven_address_says_yes_at_once(root: Person, anyone: Person) -> None:
    channel = await opened(root, "blog", posting="guests", origins=[SITE])
    mine, theirs = await came(anyone, channel, EMAIL)
    secret = (await root.post("/api/groups/blog/secrets")).json()["secret"]
    token = {"token": signed(secret, email=EMAIL.title())}
    entered = await anyone.post("/api/groups/blog/sso", token, headers={"Origin": SITE})
    uid = entered.json()["user"]["uid"]
    found = await authors(anyone, channel)
    assert [found[id_] for id_ in (*mine, theirs)] == [uid, uid, {"guest": "Anna"}]


async def test_a_moderator_says_no(root: Person, anyone: Person, bob: Person) -> None:
    channel = await opened(root, "blog", posting="guests", origins=[SITE])
    mine, _theirs = await came(anyone, channel)
    await bob.put(f"/api/posts/{mine[0]}/claim")
    (claim,) = (await root.get("/api/groups/blog/claims")).json()["claims"]
    assert (await root.patch(f"/api/groups/blog/claims/{claim['id']}", {"state": "declined"})).status_code == 204
    assert (await authors(anyone, channel))[mine[0]] == {"guest": "Anna"}
    refused(await root.patch(f"/api/groups/blog/claims/{claim['id']}", {"state": "approved"}), 404)
