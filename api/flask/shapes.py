"""The JSON of `/flask`, as the pages of Flask back ends send and read it."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from model.accounts.user import Name, Password, SomeUid, Uid
from model.talk.channel import Key
from pottle.http.bodies import Tolerant
from pottle.values import as_it_is, line

# Pages send what they got as an option's value, a text; others a number.
Number = (
    Annotated[int, Meta(ge=1, le=10**18 - 1)]
    | Annotated[str, line(18, pattern=r"^[1-9][0-9]{0,17}$(?!\n)", says="must be the number of what is meant")]
)
Sent = Annotated[str, as_it_is("it may be what was sent to the page; the handler looks at what is new")]
PartOfText = Annotated[str, as_it_is("it becomes part of a post's Markdown")]
Wanted = Annotated[str, as_it_is("a name to look for, maybe as it was sent to the page")]


class FlaskRefusal(msgspec.Struct):
    """What went wrong; `data` (null) and `error` are there where a guard said no (401 and 403)."""

    message: str
    data: UnsetType | None = UNSET
    error: str | UnsetType = UNSET


class FlaskMessage(msgspec.Struct):
    """What was done."""

    message: str


class FlaskCredentials(Tolerant):
    """What one signs in with."""

    uid: SomeUid
    password: Password


class FlaskNewUser(Tolerant):
    """An account to make. `invitation` is a group's code, which no page sends yet."""

    uid: Uid
    name: Name
    password: Password
    email: Sent = ""
    invitation: Annotated[str, line(80, shortest=0)] = ""


class FlaskSignedUp(msgspec.Struct):
    """A new account. One page looks for `success`."""

    success: bool
    message: str
    uid: str
    name: str


class FlaskUserEdit(Tolerant):
    """What to change. Another password or mail address needs `current_password`, or a sign-in within ten minutes."""

    name: Sent | UnsetType = UNSET
    uid: SomeUid | UnsetType = UNSET
    email: Sent | UnsetType = UNSET
    password: Password | UnsetType = UNSET
    current_password: Password | UnsetType = UNSET


class FlaskLeaving(Tolerant):
    """Whose account to delete: one's own, and the password again."""

    password: Password
    uid: SomeUid | UnsetType = UNSET


class FlaskPicture(Tolerant):
    """A PNG, JPEG, GIF or WebP image as base64."""

    pfp: Annotated[str, as_it_is("base64")]


class FlaskPictureView(msgspec.Struct):
    """The picture as base64 of a WebP, which browsers show whatever the page takes it for."""

    pfp: str


class FlaskWhose(Tolerant):
    """Whose picture: one's own."""

    uid: SomeUid | UnsetType = UNSET


class FlaskSectionView(msgspec.Struct):
    """A group as a section; `abbreviation` is its slug."""

    id: int
    name: str
    abbreviation: str


class FlaskSection(FlaskSectionView):
    """A group that one belongs to, and the year since when."""

    year: int


class FlaskSections(msgspec.Struct):
    """The groups that one belongs to."""

    sections: list[FlaskSection]


class FlaskNewSections(Tolerant):
    """Which sections to belong to: a group's code for each, or the abbreviation of one that one belongs to already."""

    sections: Annotated[list[Annotated[str, line(80)]], Meta(min_length=1, max_length=20)]


class FlaskUser(msgspec.Struct):
    """An account as its user sees it; `kasm_server_needed` is always false, `pfp` where the picture is or null."""

    uid: str
    name: str
    email: str
    role: str
    pfp: str | None
    kasm_server_needed: bool
    sections: list[FlaskSection]


class FlaskPlace(msgspec.Struct):
    """A group."""

    id: int
    name: str


class FlaskOfSection(Tolerant):
    """Of which section. Pottle has none: it is a group's name, or what the slugs of several begin with."""

    section_name: Wanted


class FlaskChannel(msgspec.Struct):
    """A channel. `attributes` is what a page kept with it, {} without any."""

    id: int
    name: str
    attributes: Any
    group_id: int


class FlaskNewChannel(Tolerant):
    """A channel to make in a group, and what to keep with it."""

    name: Key
    group_id: Number
    attributes: Any = None


class FlaskOfGroup(Tolerant):
    """Of which group: its name or slug."""

    group_name: Wanted


class FlaskPost(msgspec.Struct):
    """A post. Its texts are safe to put into a page; `content` is {} without any."""

    id: int
    title: str
    comment: str
    content: Any
    user_name: str
    channel_name: str
    channel_id: int


class FlaskNewPost(Tolerant):
    """A post to make."""

    title: PartOfText
    comment: PartOfText
    channel_id: Number
    content: Any = None


class FlaskPostEdit(Tolerant):
    """What to change of a post; what is left out stays."""

    id: Number
    title: PartOfText | UnsetType = UNSET
    comment: PartOfText | UnsetType = UNSET
    content: Any = UNSET
    channel_id: Number | UnsetType = UNSET


class FlaskWhichPost(Tolerant):
    """Which post."""

    id: Number


class FlaskOfChannel(Tolerant):
    """Of which channel."""

    channel_id: Number


class FlaskVoted(Tolerant):
    """Which post."""

    post_id: Number


class FlaskNewVote(FlaskVoted):
    """A vote; it takes the place of the one before."""

    vote_type: Literal["upvote", "downvote"]


class FlaskVote(msgspec.Struct):
    """One's vote, as it is now."""

    post_id: int
    vote_type: str


class FlaskVotes(msgspec.Struct):
    """How a post was voted for; not by whom."""

    post_id: int
    upvote_count: int
    downvote_count: int


class FlaskNewMessage(Tolerant):
    """What to say."""

    message: PartOfText


class FlaskChatMessage(msgspec.Struct):
    """A message of the chat. `user_id` is the number of an account; null for who has none."""

    id: int
    message: str
    user_id: int | None


class FlaskMessages(msgspec.Struct):
    """All messages, oldest first."""

    messages: list[str]


class FlaskSaid(msgspec.Struct):
    """A message was posted. One page looks for `success`."""

    success: bool
    message: str


class FlaskJoke(msgspec.Struct):
    """A joke, and how often somebody laughed and booed."""

    id: int
    joke: str
    haha: int
    boohoo: int
