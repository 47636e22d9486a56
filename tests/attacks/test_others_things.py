"""Others' things by their numbers (IDOR), by cursors and keys of other lists, and fields that are not one's to set.

Alice moderates `class`; Charlie, the attacker, moderates a group of his own, `den`.
"""

import base64
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pytest

from tests.api.conftest import bearer, joined, opened, posted, refused
from tests.cases import in_turn
from tests.conftest import PASSWORD, Person, World

Unchanged = Callable[[], AbstractContextManager[None]]


@dataclass
class Things:
    """Of `class`, and of Charlie's den."""

    post: int
    invitation: int
    pupil: str
    den: int
    cursor: str


@pytest.fixture
async def things(root: Person, alice: Person, bob: Person, charlie: Person, world: World) -> Things:
    room = world.class_channel
    posts = [await posted(bob, f"Secret {number}", room) for number in range(3)]
    invitation = (await alice.post("/api/groups/class/invitations", {})).json()
    enrolled = (await alice.post("/api/groups/class/roster", {"names": ["Eve"]})).json()
    den = await opened(root, "den", reading="members", posting="members")
    await joined(root, "den", "charlie", "moderator")
    await posted(charlie, "Mine", den)
    cursor = (await bob.get(f"/api/channels/{room}/posts?limit=1")).json()["next"]
    return Things(posts[0]["id"], invitation["id"], enrolled["accounts"][0]["uid"], den, cursor)


async def test_a_moderator_elsewhere_is_nobody_here(
    charlie: Person, things: Things, world: World, nothing_changes: Unchanged
) -> None:
    room = world.class_channel
    with nothing_changes():
        for method, path, body in (
            ("GET", f"/api/posts/{things.post}", None),
            ("PATCH", f"/api/posts/{things.post}", {"state": "removed"}),
            ("PATCH", f"/api/posts/{things.post}", {"body": "Mine"}),
            ("DELETE", f"/api/posts/{things.post}", None),
            ("PUT", f"/api/posts/{things.post}/reactions/up", None),
            ("GET", f"/api/channels/{room}/posts?state=pending", None),
            ("PATCH", f"/api/channels/{room}", {"locked": True}),
            ("DELETE", f"/api/channels/{room}", None),
            ("GET", "/api/groups/class/posts?state=removed", None),
            ("GET", "/api/groups/class/members", None),
            ("GET", "/api/groups/class/invitations", None),
            ("GET", "/api/groups/class/audit", None),
            ("DELETE", f"/api/groups/class/invitations/{things.invitation}", None),
            ("POST", f"/api/groups/class/roster/{things.pupil}", None),
            ("GET", f"/api/me/reactions?channel={room}", None),
        ):
            refused(await charlie.http.request(method, path, json=body), 404)


async def test_anothers_thing_under_ones_own_group_is_not_there(
    charlie: Person, things: Things, nothing_changes: Unchanged
) -> None:
    """The path says `den`, where he may, and the number is of `class`."""
    with nothing_changes():
        refused(await charlie.delete(f"/api/groups/den/invitations/{things.invitation}"), 404)
        refused(await charlie.post(f"/api/groups/den/roster/{things.pupil}"), 404)
        refused(await charlie.post("/api/groups/den/roster/root"), 404)
        refused(await charlie.delete("/api/groups/den/members/bob"), 404)
        reply = {"body": "Reply", "parent": things.post}
        refused(await charlie.post(f"/api/channels/{things.den}/posts", reply), 422)


async def test_what_a_moderator_enrols_is_not_taken_over(
    root: Person, alice: Person, charlie: Person, things: Things, nothing_changes: Unchanged
) -> None:
    """Making Bob or Eve a member of the den gives no code for their accounts."""
    for uid in ("bob", things.pupil):
        assert (await charlie.post("/api/groups/den/members", {"uid": uid})).status_code == 201
    with nothing_changes():
        for uid in ("bob", things.pupil):
            refused(await charlie.post(f"/api/groups/den/roster/{uid}"), 404)
        refused(await charlie.post("/api/users/bob/invitations"), 403)
        refused(await alice.post(f"/api/groups/class/roster/{things.pupil}"), 403)  # she is more than a pupil now


async def test_a_cursor_is_a_place_and_no_key(charlie: Person, anyone: Person, things: Things, world: World) -> None:
    """A cursor of another's list, or one that is made up, shows what one may see anyway, and nothing else."""
    made_up = [base64.urlsafe_b64encode(f"c{id_}".encode()).decode().rstrip("=") for id_ in (0, 1, things.post, 10**9)]
    for cursor in (things.cursor, *made_up):
        for way in ("before", "after"):
            for path in ("/api/channels/1/posts", "/api/groups", "/api/groups/home/channels", "/channels/1"):
                for person in (charlie, anyone):
                    shown = await person.get(f"{path}?{way}={cursor}")
                    assert shown.status_code == 200
                    assert "Secret" not in shown.text
                    assert "Class" not in shown.text
            refused(await charlie.get(f"/api/channels/{world.class_channel}/posts?{way}={cursor}"), 404)
            refused(await anyone.get(f"/api/groups/class/channels?{way}={cursor}"), 404)


async def test_anothers_key_repeats_nothing(bob: Person, charlie: Person, anyone: Person, things: Things) -> None:
    key = {"Idempotency-Key": "known to all"}
    made = await bob.post("/api/channels/1/posts", {"body": "Bob's"}, headers=key)
    for person, status in ((charlie, 201), (anyone, 401)):
        again = await person.post("/api/channels/1/posts", {"body": "Bob's"}, headers=key)
        assert again.status_code == status
        assert again.json().get("id") != made.json()["id"]


async def test_numbers_of_what_is_hidden_tell_nothing(charlie: Person, things: Things, world: World) -> None:
    """What exists and may not be seen is answered as what does not exist, but for its number."""
    for there, gone, path in (
        (things.post, 999_999, "/api/posts/{}"),
        (world.class_channel, 999_999, "/api/channels/{}/posts"),
        (things.invitation, 999_999, "/api/groups/den/invitations/{}"),
    ):
        answers = [await charlie.delete(path.format(id_)) for id_ in (there, gone)]
        texts = [answer.text.replace(str(id_), "…") for answer, id_ in zip(answers, (there, gone), strict=True)]
        assert texts[0] == texts[1]


@in_turn(
    "more",
    [{"role": "admin"}, {"disabled": None}, {"id": 1}, {"version": 9}, {"password_hash": "x"}, {"uid_folded": "root"},
     {"created": "1970-01-01T00:00:00Z"}, {"__proto__": {"role": "admin"}}, {"constructor": {}}, {"Role": "admin"}],
)  # fmt: skip
async def test_nobody_sets_what_is_the_servers(
    anyone: Person, charlie: Person, more: dict[str, object], nothing_changes: Unchanged
) -> None:
    new = {"uid": "mallory", "name": "Mallory", "password": PASSWORD}
    with nothing_changes():
        refused(await anyone.post("/api/users", {**new, **more}), 422)
        refused(await charlie.patch("/api/me", {"name": "Mallory", **more}), 422)
        refused(await charlie.post("/api/channels/1/posts", {"body": "Hello", **more}), 422)


async def test_nor_beside_the_body(anyone: Person, charlie: Person, root: Person) -> None:
    """By the query, by a name that is given twice, or as another kind of number."""
    new = {"uid": "mallory", "name": "Mallory", "password": PASSWORD}
    made = await anyone.post("/api/users?role=admin&disabled=false", new)
    assert made.status_code == 201
    signed = await anyone.post("/api/session", {"uid": "mallory", "password": PASSWORD})
    assert signed.json()["user"]["role"] == "user"
    refused(await anyone.get("/api/audit", headers=bearer(signed.json()["token"])), 403)
    twice = '{"state": "published", "body": "Twice", "body": "Hello", "state": "removed"}'
    refused(
        await charlie.post("/api/channels/1/posts", content=twice, headers={"Content-Type": "application/json"}), 422
    )
    for number in (True, 1.0, "1", [1], {"id": 1}, -1, 10**30):
        refused(await charlie.post("/api/channels/1/posts", {"body": "Hello", "parent": number}), 422)


async def test_an_invitation_gives_its_own_role_only(alice: Person, charlie: Person, anyone: Person) -> None:
    code = (await alice.post("/api/groups/class/invitations", {})).json()["code"]
    refused(await charlie.post("/api/me/invitations", {"code": code, "role": "moderator"}), 422)
    assert (await charlie.post("/api/me/invitations", {"code": code})).json()["role"] == "member"
    refused(await charlie.get("/api/groups/class/members"), 403)
    refused(await charlie.post("/api/groups/class/invitations", {"role": "moderator"}), 403)
    refused(await alice.post("/api/groups/class/invitations", {"role": "admin"}), 422)
