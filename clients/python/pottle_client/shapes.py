"""What the server answers, as it comes: JSON objects. `/openapi.json` describes every field."""

from typing import Any, Literal, NotRequired, TypedDict, final

Kind = Literal["down", "eyes", "heart", "hooray", "laugh", "up"]
Reason = Literal["off-topic", "unkind", "personal", "solution", "repeated", "spam", "other"]


@final
class User(TypedDict):
    uid: str
    name: str
    avatar: str | None
    badge: NotRequired[Literal["moderator", "admin"]]


@final
class Guest(TypedDict):
    guest: str


@final
class Anonymous(TypedDict):
    anonymous: Literal[True]


Author = User | Guest | Anonymous

Json = dict[str, Any]


class Decision(TypedDict):
    """Why a post was removed, or its edit declined, for its author and moderators. `by` is for moderators only."""

    id: int
    reason: Reason | None
    note: str | None
    created: str
    by: NotRequired[str | None]


class Edit(TypedDict):
    body: str
    html: str
    state: Literal["pending", "removed"]
    created: str
    version: int
    decision: NotRequired[Decision]


class Post(TypedDict):
    id: int
    channel: int
    parent: int | None
    author: Author
    body: str
    html: str
    state: Literal["published", "pending", "removed"]
    reactions: dict[str, int]
    replies: int
    created: str
    edited: str | None
    version: int
    pinned: bool
    endorsed: bool
    answer: bool
    edit: NotRequired[Edit]
    decision: NotRequired[Decision]


class NewPost(TypedDict):
    """One of many posts to make; `parent_index` is where the one that it replies to is in the list."""

    body: str
    parent: NotRequired[int]
    parent_index: NotRequired[int]
    guest: NotRequired[str]
    anonymous: NotRequired[bool]


class Outcome(TypedDict):
    """What became of one of many posts; `error` is a Problem's fields."""

    post: NotRequired[Post]
    error: NotRequired[Json]


class Position(TypedDict):
    """Which history of the database, and how far in it."""

    epoch: str
    seq: int


class Page(Position):
    """Posts, newest first, and the position that a subscription goes on from."""

    posts: list[Post]
    next: str | None
    prev: str | None


class Channel(TypedDict):
    id: int
    group: str
    key: str
    title: str
    url: str | None
    locked: bool
    pinned: bool
    state: Literal["pending", "published"]
    posts: int
    created: str
    version: int
    active: str
    by: NotRequired[str | None]
    slow: NotRequired[int]


class Account(TypedDict):
    uid: str
    name: str
    email: str | None
    role: Literal["admin", "user"]
    avatar: str | None
    created: str
    version: int
    language: str | None


class Change(TypedDict):
    """One committed fact of a stream; `prev` is the stream's change before it."""

    type: Literal["change"]
    channel: NotRequired[int]
    stream: NotRequired[str]
    seq: int
    prev: int
    kind: str
    post: NotRequired[Post]


class WrongField(TypedDict):
    field: str
    message: str
