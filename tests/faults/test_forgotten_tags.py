"""L6: no write forgets to say what it makes stale.

Every state-changing operation of the OpenAPI document is done, one after the other, in each of its ways. Before and
after each, every GET that may be shared is asked for, for everybody; what the cache then serves has to be what it
serves once it has been emptied. A new operation has to be added here, and a new shared GET is asked for by itself.

Seen to fail with any one of the tags that model/ gives left out, each in turn, but for those whose answers another
tag of the same change drops too. That a change which has its tags reaches the other workers is shown by test_race.py.
"""

import io
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from PIL import Image
from quart import Quart
from sqlalchemy import insert

from model.arriving.guest import Guest, GuestPost
from model.settings import Settings
from pottle.http import caching
from pottle.live.watches import Asker, Made, Watched, watches
from pottle.store import Tx, changes, db, tables
from tests import databases
from tests.api.conftest import signed
from tests.conftest import PASSWORD, Person
from tests.device import Device
from tests.faults.noted import Watching
from tests.pushed import Browser

pytestmark = pytest.mark.slow

CHANGING = ("post", "put", "patch", "delete")
NEVER_KEPT = {
    "images_show",
    "health_alive",
    "health_ready",
    "judging_new_challenge",
    "metrics_metrics",
    "providers_index",
    "search_find",
    "streams_follow",
}
PAGES = [  # not in the document
    *("/", "/channels/{channel_id}", "/groups/{slug}/recent?limit=3", "/groups/{slug}", "/discussions"),
    *("/channels/{channel_id}/feed.atom", "/posts/{post_id}/feed.json", "/groups/{slug}/feed.atom"),
    *("/groups/{slug}/thread?key=main", "/groups/{slug}/thread?key=none", "/groups/{slug}/thread?key=new&order=oldest"),
]
# What needs a mail server, a provider or the link in a mail. It writes what is one account's, and in no shared GET.
NOT_HERE = {
    *("addresses_ask_again", "bounces_create", "forgotten_create", "mailed_create", "mailed_delete"),
    *("passkeys_code_options", "passkeys_set_passkey", "providers_begin", "providers_link", "providers_unlink"),
}
PRIVATE = ["/api/me/unread", "/api/sidebar"]
THINGS: dict[str, Iterable[object]] = {
    "slug": ["home", "club", "class"],
    "channel_id": range(1, 6),
    "post_id": range(1, 20),
    "uid": ["bob", "alice", "fritz"],
}
KEYS = ("lobby", "main", "new", "none")

Written = tuple[str, str]  # an operation, and what it did


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(instance=instance, rate_limits=False, url="http://pottle.test")


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> Watching:
    return Watching(monkeypatch)


@pytest.fixture
async def app(watching: Watching, app: Quart) -> Quart:
    """Opened under the eyes of `watching`."""
    return app


async def test_what_is_kept_is_what_is_true_after_every_kind_of_write(
    anyone: Person, alice: Person, bob: Person, charlie: Person, root: Person, rng: random.Random, watching: Watching
) -> None:
    """And of each statement, those of the reads between too, no fewer tables are noted than it touches."""
    document = (await anyone.get("/openapi.json")).json()
    done: set[str] = set()
    urls = shared(document)
    never_kept = set(urls.values())
    watched = [Own(get, person) for get in PRIVATE for person in (alice, bob, charlie)]
    async for operation, what in all_writes(anyone, alice, bob, charlie, root):
        if operation:
            done.add(operation)
            await compare(anyone, urls, f"{operation}: {what}")
        for own in watched:
            await own.look(f"{operation}: {what}")
        for url in urls:
            await rng.choice([anyone, charlie, root]).get(url)  # what is kept may have been made for anybody
        never_kept -= {urls[url] for url in urls if urls[url] in never_kept and await is_kept(anyone, url)}
    assert done == operations(document, CHANGING) - NOT_HERE, "each is done below, and nothing that is not there"
    assert not never_kept, "a GET whose answers are never kept has not been tested"
    assert all(own.changes > 0 for own in watched), [(own._watched.get, own.changes) for own in watched]
    assert not watching.wrong
    assert databases.POSTGRES or len(watching.compared) > 30, "SQLite tells what a statement touches"


class Own:
    """A private answer that says what it is made of (`made_of`), as one person gets it: L9, for who watches it."""

    def __init__(self, get: str, person: Person) -> None:
        token = (b"authorization", f"Bearer {person.token}".encode())
        self._watched = Watched(get, Asker("http", "", ((b"host", b"pottle.test"), token)))
        self._before: Made | None = None
        self._seq = self.changes = 0

    async def look(self, after: str) -> None:
        """Where the answer is another than it was, something with one of its tags was changed."""
        now = await watches._answer(self._watched)
        told = tables.tags_of(row.tags for row in await db.read(changes.since, self._seq))
        self._seq = await db.read(changes.head)
        if self._before and now and self._before.status == now.status == 200 and now.version != self._before.version:
            assert self._before.tags & told, f"after {after}, who watches {self._watched.get} is not told"
            self.changes += 1
        self._before = now


async def compare(anyone: Person, urls: Iterable[str], after: str) -> None:
    """What the cache says against what an empty one says; it is not emptied, for some need two writes to go stale."""
    said = [await anyone.get(url) for url in urls]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(caching, "shelf", caching.Shelf())
        for url, kept in zip(urls, said, strict=True):
            assert about(kept) == about(await anyone.get(url)), f"after {after}, {url} is stale"


def about(answer: httpx.Response) -> tuple[int, str, list[tuple[str, str]]]:
    headers = [pair for pair in answer.headers.multi_items() if pair[0] != "x-request-id"]
    return answer.status_code, answer.text, sorted(headers)


async def is_kept(anyone: Person, url: str) -> bool:
    before = caching.shelf.hits
    await anyone.get(url)
    return caching.shelf.hits > before


def operations(document: dict[str, Any], methods: Iterable[str]) -> set[str]:
    return {
        doing[method]["operationId"] for doing in document["paths"].values() for method in methods if method in doing
    }


def shared(document: dict[str, Any]) -> dict[str, str]:
    """Every GET that anybody may ask for, of everything and with all that its query says; each with its path there."""
    found = {page: page for page in PAGES}
    for path, doing in document["paths"].items():
        get = doing.get("get", {})
        if get and not get.get("security") and get["operationId"] not in NEVER_KEPT:
            fields = {field["name"] for field in get.get("parameters", []) if field["in"] == "query"}
            found |= {path + query: path for query in queries(fields)}
    return {url: path for asked, path in found.items() for url in filled(asked)}


def queries(fields: set[str]) -> list[str]:
    if "group" in fields:
        return ["?group=club&" + "&".join(f"key={key}" for key in KEYS)]
    return [""] + ["?limit=2"] * ("limit" in fields) + [f"?key={key}" for key in KEYS if "key" in fields]


def filled(path: str) -> list[str]:
    """A path for each of the things that it may be about."""
    name = re.search(r"{(\w+)}", path)
    return [path.replace(name[0], str(one)) for one in THINGS[name[1]]] if name else [path]


async def all_writes(
    anyone: Person, alice: Person, bob: Person, charlie: Person, root: Person
) -> AsyncIterator[Written]:
    """Does one write after the other and says which; first, with no name, comes what the others need."""

    async def done(operation: str, answer: httpx.Response, what: str = "") -> Written:
        assert answer.is_success, answer.text
        return operation, what or str(answer.request.url.path)

    async def post(who: Person, body: str, channel: int = 3, **more: Any) -> tuple[httpx.Response, str]:
        answer = await who.post(f"/api/channels/{channel}/posts", {"body": body, **more})
        assert answer.status_code == 201, answer.text
        return answer, f"/api/posts/{answer.json()['id']}"

    club = {"slug": "club", "name": "Club", "posting": "guests"}
    made = await root.post("/api/groups", club)
    assert made.status_code == 201
    opened = await root.post("/api/groups/club/channels", {"key": "main"})
    assert opened.json()["id"] == 3
    for channel in (1, 3):
        _, first = await post(alice, "by Alice", channel)
        await post(bob, "a reply", channel, parent=int(first.rsplit("/", 1)[1]))
    yield "", "the beginning"

    yield await done("users_create", await anyone.post("/api/users", user := new("fritz")))
    entered = await anyone.post("/api/session", {"uid": "fritz", "password": user["password"]})
    anyone.http.cookies.clear()
    yield await done("session_create", entered)
    fritz = {"Authorization": f"Bearer {entered.json()['token']}"}
    yield await done("posts_create", (await post(charlie, "new"))[0])
    answer = await anyone.post("/api/channels/3/posts", {"body": "by Fritz"}, headers=fritz)
    yield await done("posts_create", answer)
    his = f"/api/posts/{answer.json()['id']}"
    answer, reply = await post(bob, "a reply", parent=answer.json()["id"])
    yield await done("posts_create", answer, "a reply")
    yield await done("posts_create", (await post(anyone, "by a guest", guest="Guest"))[0], "by a guest")

    two = {"posts": [{"body": "one of two"}, {"body": "the other", "parent_index": 0}]}
    yield await done("posts_create_all", await charlie.post("/api/channels/3/posts/bulk", two))

    for state in ("declined", "approved"):
        answer, path = await post(anyone, f"{state} later", guest="Gwen")
        yield await done("posts_create", answer, "as if it were imported")
        await db.write(_came, answer.json()["id"])
        yield await done("claims_claim_post", await bob.put(f"{path}/claim"))
        (claim,) = (await root.get("/api/groups/club/claims")).json()["claims"]
        where = f"/api/groups/club/claims/{claim['id']}"
        yield await done("claims_decide", await root.patch(where, {"state": state}), state)

    yield await done("unread_see", await bob.put("/api/channels/3/read", json={"posts": []}), "for the first time")
    yield await done("posts_create", (await post(alice, "Hello @bob"))[0], "a mention")
    yield await done("posts_create", (await post(bob, "Hello @alice", 1))[0], "a mention")
    answer, path = await post(alice, "Hello")
    yield await done("posts_create", answer, "one that is unread")
    yield await done("unread_see", await bob.put("/api/channels/3/read", json={"posts": [int(path[11:])]}))
    yield await done("own_unread_see_all", await bob.delete("/api/me/unread"))
    yield await done("posts_create", (await post(alice, "And again, @bob"))[0], "that is new to him")
    yield await done("notices_see", await bob.put("/api/me/notices/read", json={}))
    yield await done("notices_choose", await bob.put("/api/me/notices/settings", json={"mail": {"reply": "daily"}}))
    yield await done("notices_choose_in_group", await bob.put("/api/me/notices/groups/home", json={"muted": True}))
    yield await done("attention_attend", await bob.put("/api/channels/1/notices", json={"how": "follow"}))

    for kind in ("up", "down", "heart"):
        yield await done("reactions_mark", await bob.put(f"{his}/reactions/{kind}"), kind)
    yield await done("reactions_unmark", await bob.delete(f"{his}/reactions/down"))
    yield await done("reactions_mark", await anyone.put(f"{reply}/reactions/eyes", headers=fritz))
    yield await done("posts_edit", await bob.patch(reply, {"body": "edited"}))
    yield await done("posts_edit", await root.patch(reply, {"state": "removed"}), "removed")
    yield await done("posts_edit", await root.patch(reply, {"state": "published"}), "restored")

    yield await done("me_edit", await bob.patch("/api/me", {"name": "Robert"}), "the name")
    yield await done("me_edit", await bob.patch("/api/me", {"email": "bob@example.org"}), "the address")
    for colour in ("red", "blue"):
        Image.new("RGB", (64, 64), colour).save(picture := io.BytesIO(), "PNG")
        yield await done("me_put_avatar", await bob.put("/api/me/avatar", content=picture.getvalue()), colour)
    yield await done("me_delete_avatar", await bob.delete("/api/me/avatar"))
    yield await done("groups_edit", await root.patch("/api/groups/club", {"images": True}), "images")
    for body in ("![an image]({})", ""):
        sent = await bob.post("/api/images?channel=3", content=picture.getvalue())
        yield await done("images_create", sent)
        if body:
            yield await done("posts_create", (await post(bob, body.format(sent.json()["url"])))[0], "an image")
    yield await done("images_delete", await bob.delete(sent.json()["url"]))
    yield await done("streams_hear", await bob.post("/api/live", {"frames": [{"type": "subscribe", "channel": 3}]}))
    yield await done("posts_preview", await bob.post("/api/preview", {"channel": 3, "body": "Hello"}))
    token = await bob.post("/api/me/tokens", {"name": "a program"})
    yield await done("me_create_token", token)
    yield await done("me_delete_token", await bob.delete(f"/api/me/tokens/{token.json()['id']}"))

    own = await bob.post("/api/me/export", {"password": PASSWORD})
    yield await done("me_export", own)

    yield await done("push_create", await bob.post("/api/me/push", Browser("https://127.0.0.1:1/").subscription()))
    yield await done("push_test", await bob.post("/api/me/push/test"))
    yield await done("push_delete", await bob.delete("/api/me/push"))
    yield await done("own_feed_make_address", await bob.put("/api/me/feed"))
    yield await done("own_feed_drop_address", await bob.delete("/api/me/feed"))

    yield await done("channels_create", await charlie.post("/api/groups/club/channels", {"key": "new"}))
    answer, first = await post(charlie, "here too", 4)
    yield await done("posts_create", answer, "the first in a channel")
    yield await done("channels_edit", await root.patch("/api/channels/3", {"title": "Titled"}), "the title")
    yield await done("channels_edit", await root.patch("/api/channels/3", {"locked": True}), "locked")
    yield await done("channels_edit", await root.patch("/api/channels/1", {"title": "Foyer"}), "the lobby's title")

    yield await done("groups_edit", await root.patch("/api/groups/club", {"review": "all"}), "the review")
    answer, waiting = await post(bob, "waits", 4)
    yield await done("posts_create", answer, "one that waits")
    answer = await bob.patch(waiting, {"body": "waits, edited"})
    yield await done("posts_edit", answer, "one that waits")
    seen = {"If-Match": answer.headers["ETag"]}
    yield await done("posts_edit", await root.patch(waiting, {"state": "published"}, headers=seen), "approved")
    for state in ("removed", "published"):
        yield await done("posts_edit", await bob.patch(waiting, {"body": f"to be {state}"}), "an edit that waits")
        seen = {"If-Match": (await bob.get(f"{waiting}/edit")).headers["ETag"]}
        yield await done(
            "posts_decide_edit", await root.patch(f"{waiting}/edit", {"state": state}, headers=seen), state
        )
    yield await done("posts_edit", await bob.patch(waiting, {"body": "taken back"}), "an edit that waits")
    yield await done("posts_withdraw_edit", await bob.delete(f"{waiting}/edit"))
    answer, _ = await post(bob, "waits, too", 4, parent=int(first.rsplit("/", 1)[1]))
    yield await done("posts_create", answer, "a reply that waits")
    found = answer.json()
    for state, undone in (("removed", True), ("published", True), ("published", False), ("removed", True)):
        said = {"decisions": [{"post": found["id"], "version": found["version"]}], "state": state}
        decided = await root.post("/api/decisions", said)
        yield await done("decisions_decide", decided, state)
        (found,) = decided.json()["posts"]
        if undone:
            back = await root.post("/api/decisions/undo", {"decisions": [found["decision"]["id"]]})
            yield await done("decisions_undo", back, state)
            (found,) = back.json()["posts"]
    begun = await charlie.post("/api/groups/club/channels", {"key": "none", "title": "Begun"})
    yield await done("channels_create", begun, "one that waits")
    path = f"/api/channels/{begun.json()['id']}"
    yield await done("channels_edit", await root.patch(path, {"title": "Better"}), "the title of one that waits")
    yield await done("channels_edit", await root.patch(path, {"state": "published"}), "approved")
    yield await done("groups_edit", await root.patch("/api/groups/club", {"name": "The club"}), "the name")
    yield await done("groups_edit", await root.patch("/api/groups/club", {"origins": ["https://x.test"]}), "origins")
    site = {"origin": "https://x.test"}
    yield await done("sso_begin", await bob.post("/api/groups/club/sessions", site))
    made = await root.post("/api/groups/club/secrets")
    yield await done("sso_make_secret", made)
    for name in ("Greta", "Gretel"):
        token = {"token": signed(made.json()["secret"], name=name)}
        yield await done("sso_sign_in", await anyone.post("/api/groups/club/sso", token), name)
    anyone.http.cookies.clear()
    yield await done("sso_delete_secret", await root.delete(f"/api/groups/club/secrets/{made.json()['id']}"))
    nobody = {"url": "https://127.0.0.1:1/"}
    yield await done("webhooks_create", await root.post("/api/webhooks", nobody))
    made = await root.post("/api/groups/club/webhooks", nobody)
    yield await done("webhooks_create_for_group", made)
    hook = f"/api/webhooks/{made.json()['id']}"
    yield await done("webhooks_rotate", await root.post(f"{hook}/secret"))
    yield await done("webhooks_test", await root.post(f"{hook}/test"))
    yield await done("webhooks_send_again", await root.post(f"{hook}/again", {}))
    for active in (False, True):
        yield await done("webhooks_edit", await root.patch(hook, {"active": active}), "active" if active else "off")
    yield await done("webhooks_delete", await root.delete(hook))
    reported = (await bob.post("/api/channels/1/posts", {"body": "To be reported"})).json()["id"]
    yield await done("judging_make_report", await alice.post(f"/api/posts/{reported}/reports", {"reason": "spam"}))
    blocked = {"network": "203.0.113.0/24", "why": "Spam"}
    for create, end, at in (
        ("judging_block_in", "judging_unblock_in", "/api/groups/club/blocks"),
        ("judging_block_everywhere", "judging_unblock_everywhere", "/api/blocks"),
    ):
        made = await root.post(at, blocked)
        yield await done(create, made)
        yield await done(end, await root.delete(f"{at}/{made.json()['id']}"))
    yield await done("judging_say_trust", await root.put("/api/groups/club/trust/bob", json={"level": "trusted"}))
    yield await done("judging_end_trust", await root.delete("/api/groups/club/trust/bob"))
    yield await done("judging_edit_rules", await root.patch("/api/groups/club/rules", {"links": 4}))
    yield await done("judging_try_rules", await root.post("/api/groups/club/rules/try", {"body": "Hello"}))
    async for one in desk(done, anyone, bob, root, reported):
        yield one
    async for one in ways_in(done, anyone, root):
        yield one
    old = b'[{"id": "/page/", "title": "Page", "comments": [{"id": 1, "author": "Gwen", "created": 1, "text": "Old"}]}]'
    begun = await root.post("/api/imports?group=club&name=isso.json", content=old)
    yield await done("arriving_create", begun)
    stopped = await root.patch(f"/api/imports/{begun.json()['id']}", {"state": "cancelled"})
    yield await done("arriving_edit", stopped)
    yield await done("groups_edit", await root.patch("/api/groups/club", {"posting": "members"}), "posting")
    invited = await root.post("/api/groups/club/invitations", {})
    yield await done("invitations_create", invited)
    code = {"code": invited.json()["code"]}
    yield await done("invitations_look_up", await anyone.post("/api/invitations/look-up", code))
    yield await done("invitations_accept", await charlie.post("/api/me/invitations", code))
    yield await done(
        "users_create", await anyone.post("/api/users", {**new("hedy"), "invitation": code["code"]}), "by code"
    )
    revoked = await root.delete(f"/api/groups/club/invitations/{invited.json()['id']}")
    yield await done("invitations_delete", revoked)
    yield await done("rosters_create", await root.post("/api/groups/club/roster", {"names": ["Ida"]}))
    renewed = await root.post("/api/groups/club/roster/ida")
    yield await done("rosters_renew", renewed)
    chosen = {"code": renewed.json()["code"], "password": PASSWORD}
    yield await done("session_set_password", await anyone.put("/api/password", json=chosen))
    anyone.http.cookies.clear()
    yield await done("invitations_create_reset", await root.post("/api/users/ida/invitations"))
    for change in ({"role": "admin"}, {"role": "user"}, {"disabled": True}, {"disabled": False}):
        yield await done("accounts_change", await root.patch("/api/users/ida", change), str(change))
    yield await done("groups_put_member", await root.post("/api/groups/club/members", {"uid": "bob"}))
    yield await done("groups_edit", await root.patch("/api/groups/club", {"reading": "members"}), "closed")
    yield await done("posts_edit", await bob.patch(waiting, {"body": "unseen"}), "while it is closed")
    yield await done("groups_edit", await root.patch("/api/groups/club", {"reading": "public"}), "opened")
    yield await done("groups_remove_member", await root.delete("/api/groups/club/members/bob"))

    yield await done("posts_delete", await bob.delete(waiting))
    yield await done("posts_delete", await root.delete(his), "a moderator, one with a reply")
    answer = await anyone.delete(his, headers=fritz)
    yield await done("posts_delete", answer, "its author, one that is removed")
    leaving = await anyone.delete("/api/me", headers=fritz, json={"password": PASSWORD})
    yield await done("me_delete", leaving)
    yield await done("accounts_delete", await root.delete("/api/users/bob"), "who replied")
    yield await done("channels_delete", await root.delete("/api/channels/4"))
    yield await done("groups_create", await root.post("/api/groups", {"slug": "other", "name": "Other"}))
    yield await done("groups_delete", await root.delete("/api/groups/other"), "an empty one")
    yield await done("groups_delete", await root.delete("/api/groups/club"))
    yield await done("me_edit", await alice.patch("/api/me", {"name": "Alicia"}), "the name of who wrote in the lobby")
    yield await done("confirming_confirm", await alice.post("/api/session/confirm", {"password": PASSWORD}))
    other = await anyone.post("/api/session", {"uid": "alice", "password": PASSWORD})
    anyone.http.cookies.clear()
    listed = (await alice.get("/api/me/sessions")).json()["sessions"]
    another = next(one["id"] for one in listed if not one["current"])
    yield await done("me_end_session", await alice.delete(f"/api/me/sessions/{another}"), f"{other.status_code}")
    yield await done("me_end_other_sessions", await alice.delete("/api/me/sessions"))
    yield await done("session_delete", await alice.delete("/api/session"))


def _came(tx: Tx, post_id: int) -> None:
    """A guest's post is of one who wrote elsewhere."""
    guest = {"group_id": 3, "source": "isso", "name": "Gwen", "digest": bytes([post_id])}
    (id_,) = tx.session.execute(insert(Guest).values(guest).returning(Guest.id)).one()
    tx.session.execute(insert(GuestPost).values(post_id=post_id, guest_id=id_))


def new(uid: str) -> dict[str, str]:
    return {"uid": uid, "name": uid.title(), "password": PASSWORD}


Done = Callable[..., Awaitable[Written]]


async def desk(done: Done, anyone: Person, bob: Person, root: Person, post: int) -> AsyncIterator[Written]:
    """What moderators write for each other, and an appeal."""
    made = await root.post("/api/groups/home/notes", {"uid": "bob", "text": "Look"})
    yield await done("notes_create", made)
    yield await done("notes_delete", await root.delete(f"/api/groups/home/notes/{made.json()['id']}"))
    yield await done("posts_edit", await root.patch(f"/api/posts/{post}", {"state": "removed"}), "what was reported")
    newest = (await bob.get("/api/me/decisions")).json()["decisions"][0]["id"]
    appeal = await bob.put(f"/api/me/decisions/{newest}/appeal", json={"text": "Please"})
    yield await done("appeals_make", appeal)
    yield await done("appeals_answer", await root.patch(f"/api/appeals/{newest}", {"state": "granted"}))
    await anyone.post("/api/users", new("greg"))
    await (await entered(anyone)).post("/api/channels/1/posts", {"body": "Spam"})
    yield await done("history_clear", await root.post("/api/groups/home/history/greg/clearing", {"days": 1}))


async def ways_in(done: Done, anyone: Person, root: Person) -> AsyncIterator[Written]:
    """Passkeys and a second factor, which are one account's."""
    greg = await entered(anyone)
    phone, spare = Device(), Device()
    for device in (phone, spare):
        asked = await greg.post("/api/me/passkeys/options")
        yield await done("passkeys_add_options", asked)
        made = await greg.post("/api/me/passkeys", {"credential": device.create(asked.json()["options"])})
        yield await done("passkeys_add", made)
    path = f"/api/me/passkeys/{made.json()['id']}"
    yield await done("passkeys_rename", await greg.patch(path, {"name": "Spare"}))
    yield await done("passkeys_remove", await greg.delete(path))
    yield await done("passkeys_confirm_options", await greg.post("/api/session/confirm/options"))
    asked = await anyone.post("/api/session/passkey/options")
    yield await done("passkeys_sign_in_options", asked)
    shown = {"credential": phone.get(asked.json()["options"])}
    yield await done("passkeys_sign_in", await anyone.post("/api/session/passkey", shown))
    anyone.http.cookies.clear()
    for ends in (False, True):
        begun = await greg.post("/api/me/second")
        yield await done("second_begin", begun)
        code = pyotp.TOTP(begun.json()["secret"]).now()
        switched = await greg.put("/api/me/second", json={"code": code})
        yield await done("second_turn_on", switched)
        if ends:
            yield await done("second_reset", await root.delete("/api/users/greg/second"))
            break
        refused = await anyone.post("/api/session", {"uid": "greg", "password": PASSWORD})
        proof = {"ticket": refused.json()["ticket"], "code": switched.json()["codes"][0]}
        yield await done("session_give_second", await anyone.post("/api/session/second", proof))
        anyone.http.cookies.clear()
        yield await done("second_renew", await greg.post("/api/me/second/codes"))
        yield await done("second_turn_off", await greg.delete("/api/me/second"))
    yield await done("me_remove_password", await (await entered(anyone)).delete("/api/me/password"))
    who = {"uid": "dora", "name": "Dora"}
    asked = await anyone.post("/api/passkeys/options", who)
    yield await done("passkeys_sign_up_options", asked)
    made = await anyone.post("/api/passkeys", {**who, "credential": Device().create(asked.json()["options"])})
    yield await done("passkeys_sign_up", made)
    anyone.http.cookies.clear()


async def entered(anyone: Person) -> Person:
    """Greg, who has just signed in."""
    token = (await anyone.post("/api/session", {"uid": "greg", "password": PASSWORD})).json()["token"]
    anyone.http.cookies.clear()
    headers = {"Authorization": f"Bearer {token}"}
    return Person(httpx.AsyncClient(transport=anyone.http._transport, base_url="http://pottle.test", headers=headers))
