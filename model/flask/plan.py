"""Second step of an import: what of a Flask back end's rows can come, checked by our rules. It asks no database.

Accounts, groups, channels and posts become ours; a section becomes a group; an upvote and a downvote become the
reactions `up` and `down`. Whatever cannot come, or comes changed, is in the report.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from model.accounts import passwords
from model.accounts.user import Email, Name, Uid, is_reserved
from model.arriving.imported import digest
from model.arriving.plan import Report
from model.flask.extras import LONGEST_TITLE
from model.flask.post import joined
from model.flask.source import Row, Source, counted
from model.talk.channel import Key
from model.talk.markdown import rendered
from model.talk.post import FORMER_USER
from pottle import text
from pottle.store.copies import Progress
from pottle.values import fits

VOTES = {"upvote": "up", "downvote": "down"}
LONGEST_NAME, LONGEST_SLUG = 80, 50  # characters; a slug leaves room for a number
NO_EMAIL = (None, "", "?")


class Item(msgspec.Struct):
    """One thing to import: its id there (a number, but `12.3` of a reply), and a digest that identifies it for good."""

    theirs: Any
    digest: bytes


class NewUser(Item):
    """An account; `kept` is the hash of its password."""

    uid: str
    name: str
    email: str | None
    kept: str | None
    admin: bool


class NewGroup(Item):
    """A group or a section (`kind`); only members read and post in a `closed` one."""

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
    """A post of a user (the id there), or under the name `guest`; a note has no `channel`."""

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
    """A user's role in a group or section (`kind`); `theirs` is the user's id."""

    kind: str
    group: int
    role: str


class LeftOut(Exception):
    """Why a row cannot be imported."""


class Plan:
    """What to import (`items`, each after those that it refers to), and the report so far.

    `admins`: their admins become ours; `notes`: there is a channel for posts without one.
    """

    def __init__(self, source: Source, longest_post: int, admins: bool, notes: bool, progress: Progress) -> None:
        self.rows, self._longest_post, self._admins, self._notes = source.rows, longest_post, admins, notes
        self._progress = progress
        self.planned: dict[tuple[str, Any], Any] = {}  # items by kind and id there
        self._first: dict[str | bytes, int] = {}  # the id of the first user of a uid, and channel of a digest
        self._names: dict[int, str] = {}  # by user: what a post is signed with if there is no account
        self._last_votes: dict[tuple[int, int], NewVote] = {}  # by user and post
        self.report = Report()
        for name, why in source.unread.items():
            self.report.left_out("column" if "." in name else "table", name, why)
        closed = bool(self.rows["user_sections"])
        users = self._all("user", self._user)
        sections = self._all("section", lambda row: self._group(row, "section", closed))
        groups = self._all("group", lambda row: self._group(row, "group", False))
        channels = self._all("channel", self._channel)
        moderators = self._members("group_moderators", "group", "moderator")
        members = self._members("user_sections", "section", "member")
        belonging = [*moderators, *members]  # now, for the report's order
        posts = self._all("post", self._post)
        self._all("vote", self._vote)
        self.items = [*users, *groups, *sections, *channels, *belonging, *posts, *self._last_votes.values()]

    def _all(self, kind: str, make: Callable[[Row], Item]) -> list[Item]:
        """The items that `make` makes of a table's rows; it raises LeftOut for a row that cannot come."""
        items, rows = [], self.rows[f"{kind}s"]
        for row in counted("Rendering", rows, len(rows), self._progress) if kind == "post" else rows:
            if not isinstance(row["id"], int):
                self.report.left_out(kind, repr(row["id"]), "has no number for an id")
                continue
            try:
                item = make(row)
            except LeftOut as why:
                self.report.left_out(kind, row["id"], str(why))
            else:
                items.append(item)
                self.planned[kind, row["id"]] = item
        return items

    def _user(self, row: Row) -> NewUser:
        id_, uid, email, kept = row["id"], row["uid"], row.get("email"), row["password"]
        name = _one_line(row["name"])[:LONGEST_NAME]
        self._names[id_] = name or _one_line(uid)[:LONGEST_NAME] or FORMER_USER
        if not fits(uid, Uid):
            raise LeftOut(f"has the uid {uid!r:.60}; here it is 2 to 40 of A-Z a-z 0-9 . _ -")
        if is_reserved(uid):
            raise LeftOut(f"has the uid {uid}, which is reserved here: the operator gives it")
        if (first := self._first.setdefault(uid.lower(), id_)) != id_:
            raise LeftOut(f"has the uid of user {first}, but for upper and lower case")
        admin, has_email, has_password = row.get("role") == "Admin", fits(email, Email), passwords.known(kept)
        changes = {
            f"is called {name or uid!r} here: a name has 1 to 80 characters": not fits(name, Name)
            or name != row["name"],
            "has no e-mail address here: theirs is none": email not in NO_EMAIL and not has_email,
            "has no password here, for it is not kept as a hash that is known: user reset": not has_password,
            "is no admin here: --admins, or user role": admin and not self._admins,
        }
        for why in (why for why, applies in changes.items() if applies):
            self.report.changed("user", f"{id_} ({uid})", why)
        address, password = email if has_email else None, kept if has_password else None
        key = digest("user", uid.lower())
        return NewUser(id_, key, uid, name or uid, address, password, admin and self._admins)

    def _group(self, row: Row, kind: str, closed: bool) -> NewGroup:
        name = _one_line(row["name"])
        short = _one_line(row.get("abbreviation") or "") or name
        if not name:
            self.report.changed(kind, row["id"], "has no name")
        if len(name) > LONGEST_NAME:
            self.report.changed(kind, row["id"], f"has a name of more than {LONGEST_NAME} characters: the rest is cut")
        own, section = _slug(short) or f"{kind}-{row['id']}", None
        if row.get("section_id") is not None:
            section = self.planned.get(("section", row["section_id"]))
            if section is None:
                self.report.changed(kind, row["id"], "is of no section here, for its own is not there")
        # Pages find the groups of a section by what their slugs begin with (overview.py).
        slug = (f"{section.slug}-{own}" if section else own)[:LONGEST_SLUG].strip("-")
        return NewGroup(row["id"], digest(kind, short or own), kind, (name or own)[:LONGEST_NAME], slug, closed)

    def _channel(self, row: Row) -> NewChannel:
        id_, group, key = row["id"], self.planned.get(("group", row["group_id"])), _one_line(row["name"])
        if group is None:
            raise LeftOut("is in a group that is not there")
        if not fits(key, Key):
            raise LeftOut("has a name without or with more than 300 characters")
        made = digest("channel", group.digest.hex(), key)
        attributes = self.json(row, "attributes", "channel")
        if (first := self._first.setdefault(made, id_)) != id_:
            self.report.changed("channel", id_, f"has the name of channel {first}: here they are one")
        if len(key) > LONGEST_TITLE:
            self.report.changed("channel", id_, f"has a title of {LONGEST_TITLE} characters here")
        return NewChannel(id_, made, group.theirs, key, attributes)

    def _members(self, table: str, kind: str, role: str) -> Iterator[NewMember]:
        for row in self.rows[table]:
            user, id_ = self.planned.get(("user", row["user_id"])), row[f"{kind}_id"]
            group = self.planned.get((kind, id_))
            if user is None or group is None:
                self.report.left_out(f"{role} of {kind}", id_, f"user {row['user_id']} or the {kind} is not here")
            else:
                key = digest("member", group.digest.hex(), user.digest.hex())
                yield NewMember(user.theirs, key, kind, group.theirs, role)

    def _post(self, row: Row) -> NewPost:
        id_ = row["id"]
        channel = self.planned.get(("channel", row.get("channel_id")))
        if channel is None and row.get("channel_id") is not None:
            raise LeftOut("is in a channel that is not here")
        if channel is None and not self._notes:
            raise LeftOut("is a note, which is in no channel: --notes names one")
        body = self._body(row)
        html = rendered(body)
        if not text.shows(html):
            raise LeftOut("shows nothing")
        user, guest = self.author("post", id_, row["user_id"])
        key = digest("post", user.uid.lower() if user else guest, channel.digest.hex() if channel else "", id_, body)
        return NewPost(id_, key, user.theirs if user else None, guest, channel and channel.theirs, body, html)

    def author(self, kind: str, id_: object, user_id: Any) -> tuple[NewUser | None, str | None]:
        """Who wrote something: an account that comes too, or the name that it is under."""
        user: NewUser | None = self.planned.get(("user", user_id))
        guest = None if user else self._names.get(user_id, FORMER_USER)
        if guest:
            self.report.changed(kind, id_, f"is under the name {guest!r}, for its author has no account here")
        return user, guest

    def _body(self, row: Row) -> str:
        title, comment = row.get("title") or "", row["comment"] or ""
        if not isinstance(title, str) or not isinstance(comment, str):
            raise LeftOut("is no text in UTF-8")
        return self.checked(joined(title, comment, self.json(row, "content", "post")))

    def checked(self, body: str) -> str:
        """A body that can come. Raises LeftOut."""
        if not body.strip():
            raise LeftOut("is empty")
        if "\0" in body:
            raise LeftOut("has a NUL character")
        if len(body) > self._longest_post:
            raise LeftOut(f"has {len(body)} characters: POTTLE_POST_LENGTH allows {self._longest_post}")
        return body

    def json(self, row: Row, column: str, kind: str) -> Any:
        """What is in a column of JSON text; None for nothing."""
        written = row.get(column)
        try:
            return None if written is None else msgspec.json.decode(written)
        except (msgspec.DecodeError, TypeError, UnicodeError, RecursionError):
            self.report.left_out(f"{column} of {kind}", row["id"], "is not JSON")
            return None

    def _vote(self, row: Row) -> NewVote:
        """A vote; a later one of the same user for the same post replaces it."""
        user, post = self.planned.get(("user", row["user_id"])), self.planned.get(("post", row["post_id"]))
        kind = VOTES.get(row["vote_type"]) if isinstance(row["vote_type"], str) else None
        if kind is None:
            raise LeftOut(f"is a {row['vote_type']!r:.40}")
        if user is None or post is None:
            raise LeftOut("its user is not here" if user is None else "its post is not here")
        made = NewVote(row["id"], digest("vote", user.digest.hex(), post.digest.hex()), user.theirs, post.theirs, kind)
        if before := self._last_votes.get((user.theirs, post.theirs)):
            self.report.left_out("vote", before.theirs, "its user voted again for the same post")
        self._last_votes[user.theirs, post.theirs] = made
        return made


def _one_line(value: object) -> str:
    """Text as one visible line; "" for what is no text, or shows nothing."""
    return text.made_one_line(value) if isinstance(value, str) else ""


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_SLUG].strip("-")
