"""What an import from a Flask back end consists of, and the report of what was left out or changed, and why."""

import hashlib
from typing import Any

import msgspec


class Item(msgspec.Struct):
    """One thing to import: its id there, and what tells it from all others, also at the next import."""

    theirs: int
    digest: bytes


class NewUser(Item):
    """An account; `kept` is the hash of its password."""

    uid: str
    name: str
    email: str | None
    kept: str | None
    admin: bool


class NewGroup(Item):
    """A group, or a section (`kind`); `closed` if only its members read and post."""

    kind: str
    name: str
    slug: str
    closed: bool


class NewChannel(Item):
    """A channel of the group with the id `group` there."""

    group: int
    key: str
    attributes: Any = None


class NewPost(Item):
    """A post of a user (the id there), or under the name `guest`; `channel` is None for a note."""

    author: int | None
    guest: str | None
    channel: int | None
    body: str
    html: str


class NewVote(Item):
    """A reaction of one user to one post (their ids there)."""

    user: int
    post: int
    kind: str


class NewMember(Item):
    """What a user is in a group or section (`kind`); `theirs` is the user's id."""

    kind: str
    group: int
    role: str


class Report(list[tuple[str, str, object, str]]):
    """What was left out, and what came otherwise than it was: how, the kind, the id there, and why."""

    def left_out(self, kind: str, id_: object, why: str) -> None:
        """It is not here."""
        self.append(("Left out", kind, id_, why))

    def changed(self, kind: str, id_: object, why: str) -> None:
        """It is here, but not as it was."""
        self.append(("Changed", kind, id_, why))

    @property
    def lines(self) -> list[str]:
        """One for each reason, with all ids: `Left out: post 3, 7: is empty`."""
        ids: dict[tuple[str, str, str], list[str]] = {}
        for how, kind, id_, why in self:
            ids.setdefault((how, kind, why), []).append(str(id_))
        return [f"{how}: {kind} {', '.join(found)}: {why}" for (how, kind, why), found in ids.items()]


class Plan(msgspec.Struct):
    """All that is to be imported, in the order in which it can be."""

    users: list[NewUser]
    groups: list[NewGroup]
    channels: list[NewChannel]
    members: list[NewMember]
    posts: list[NewPost]
    votes: list[NewVote]
    report: Report


def digest(kind: str, *key: object) -> bytes:
    """16 bytes that stand for a thing of theirs."""
    return hashlib.blake2b(msgspec.json.encode([kind, *key]), digest_size=16).digest()
