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
    """A mark of one user on one post (their ids there)."""

    user: int
    post: int
    kind: str


class NewMember(Item):
    """What a user is in a group or section (`kind`); `theirs` is the user's id."""

    kind: str
    group: int
    role: str


class Report:
    """What was left out, and what came otherwise than it was: the ids of each kind by the reason."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], list[object]] = {}

    def copy(self) -> "Report":
        """Another of the same content."""
        other = Report()
        other._found = {key: list(ids) for key, ids in self._found.items()}
        return other

    def left_out(self, kind: str, id_: object, why: str) -> None:
        """It is not here."""
        self._found.setdefault(("Left out", kind, why), []).append(id_)

    def changed(self, kind: str, id_: object, why: str) -> None:
        """It is here, but not as it was."""
        self._found.setdefault(("Changed", kind, why), []).append(id_)

    @property
    def lines(self) -> list[str]:
        """One for each reason, with all ids: `Left out: post 3, 7: is empty`."""
        return [f"{how}: {kind} {', '.join(map(str, ids))}: {why}" for (how, kind, why), ids in self._found.items()]


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
