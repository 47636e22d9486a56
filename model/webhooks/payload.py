"""What a hook is told of a change: what any reader sees of it now. A removed post's text, and who is anonymous, is not.

Of what is gone the change is told all the same, with null in its place, so that positions go on without a silent gap.
"""

import re
from typing import Any

import msgspec
from markupsafe import Markup

from model.groups.group import OPERATOR
from model.talk import channel as channels
from model.talk import post as posts
from model.talk.channel import ChannelView
from model.talk.post import PostView
from pottle.store import Snapshot, db

MOST_BYTES = 20_000  # of a body, as the specification advises
MOST_WORDS = 1_500  # characters of a post in a chat's message
CHATS = ("slack", "discord")
SAID = {
    "post.created": "wrote in",
    "post.edited": "changed a post in",
    "post.removed": "A post was removed in",
    "post.restored": "A post is there again in",
    "reactions": "Somebody reacted to a post in",
    "channel.created": "A discussion began:",
    "channel.edited": "A discussion was changed:",
    "channel.deleted": "A discussion was deleted",
    "webhook.test": "This is a test from Pottle.",
}


class Told(msgspec.Struct):
    """What a message is about. `position` is the change's place in the log of this `epoch`."""

    position: int
    epoch: str
    group: str | None = None
    channel: ChannelView | None = None
    post: PostView | None = None
    url: str | None = None
    cut: bool = False


class Message(msgspec.Struct):
    """The body of a message, as the specification has it."""

    type: str
    timestamp: str
    data: Told


def told_of(read: Snapshot, kind: str, subject: int | None, position: int, group: str | None = None) -> Told:
    """What readers see of the subject of a change."""
    told = Told(position, db.instance.epoch, group)
    if subject is None:
        return told
    at = subject
    if not kind.startswith("channel."):
        post = posts.views(read, {subject}).get(subject)
        if post is None or post.state == "pending":
            return told
        told.post, told.url, at = post, f"{db.settings.url}/posts/{post.id}", post.channel
    if row := read.one(channels.BY_ID, id=at, **OPERATOR):
        told.channel, told.group = channels.view(row), row.group
        told.url = told.url or f"{db.settings.url}/channels/{at}"
    return told


def body(kind: str, created: str, told: Told, form: str) -> bytes | None:
    """The message as a receiver takes it; None for a chat in which there is nothing to say any more."""
    if form in CHATS:
        words = _words(kind, told, form)
        as_chat: dict[str, Any] = {"text": words}
        if form == "discord":
            as_chat = {"content": words, "allowed_mentions": {"parse": []}}
        return msgspec.json.encode(as_chat) if words else None
    whole = msgspec.json.encode(Message(kind, created, told))
    if len(whole) <= MOST_BYTES or told.post is None:
        return whole
    post, told.cut = told.post, True
    post.html = ""
    over = len(msgspec.json.encode(Message(kind, created, told))) - MOST_BYTES
    while over > 0:  # a character is 12 bytes of JSON at most
        post.body = post.body[: max(0, len(post.body) - max(1, over // 12))]
        over = len(msgspec.json.encode(Message(kind, created, told))) - MOST_BYTES
    return msgspec.json.encode(Message(kind, created, told))


def _words(kind: str, told: Told, form: str) -> str | None:
    if kind in ("webhook.test", "channel.deleted"):
        return SAID[kind] + (f" ({told.group})." if told.group else "")
    if told.channel is None or (told.post is None and not kind.startswith("channel.")):
        return None
    safe = _for_slack if form == "slack" else _for_discord
    place = _link(told.url or "", safe(told.channel.title), form)
    if told.post is None or kind not in ("post.created", "post.edited"):
        return f"{SAID[kind]} {place}"
    if told.post.state != "published":
        return None
    text = " ".join(Markup(told.post.html).striptags().split())  # noqa: S704  # all tags go
    text = text if len(text) <= MOST_WORDS else text[: MOST_WORDS - 1] + "…"
    mark = "*" if form == "slack" else "**"
    return f"{mark}{safe(told.post.author.shown())}{mark} {SAID[kind]} {place}: {safe(text)}"[:1_990]


def _link(url: str, title: str, form: str) -> str:
    if not url.startswith("http"):  # without POTTLE_URL nobody knows where we are
        return title
    return f"<{url}|{title}>" if form == "slack" else f"[{title}](<{url}>)"


def _for_slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _for_discord(text: str) -> str:
    return re.sub(r"([\\*_~`|>\[\]()#@<])", r"\\\1", text)
