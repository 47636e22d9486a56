"""What is to be imported from a Flask back end, checked by the rules of this house. It asks no database.

Their accounts, groups, channels and posts become ours; a section becomes a group; an upvote and a downvote become the
reactions `up` and `down`. Whatever cannot come, or comes otherwise than it was, is in the report.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import msgspec

from model.accounts import passwords
from model.accounts.user import Email, Name, Uid, is_reserved
from model.flask.items import NewChannel, NewGroup, NewMember, NewPost, NewUser, NewVote, Plan, Report, digest
from model.flask.post import joined
from model.flask.source import Row, Source
from model.talk.channel import Key
from model.talk.markdown import rendered
from model.talk.post import FORMER_USER
from pottle import text
from pottle.store.backup import Progress
from pottle.values import fits

VOTES = {"upvote": "up", "downvote": "down"}
LONGEST_NAME, LONGEST_SLUG, LONGEST_TITLE = 80, 50, 200  # characters; a slug leaves room for a number
NO_EMAIL = (None, "", "?")
PORTION = 100  # posts between two reports


def planned(source: Source, longest_post: int, admins: bool, notes: bool, progress: Progress) -> Plan:
    """What of a source can come. `admins`: theirs become ours; `notes`: posts without a channel have a place to go."""
    return _Planner(source, longest_post, admins, notes, progress).plan()


class _Planner:
    def __init__(self, source: Source, longest_post: int, admins: bool, notes: bool, progress: Progress) -> None:
        self._rows, self._longest_post, self._admins, self._notes = source.rows, longest_post, admins, notes
        self._progress = progress
        self._report = Report()
        self._named: dict[int, str] = {}  # everybody there, by the name that posts are under if there is no account
        for name, why in source.unread.items():
            self._report.left_out("column" if "." in name else "table", name, why)

    def plan(self) -> Plan:
        users = list(self._users())
        self._users_by_id = {user.theirs: user for user in users}
        sections = list(self._groups("section", bool(self._rows["user_sections"])))
        self._sections_by_id = {section.theirs: section for section in sections}
        groups = [*self._groups("group", False), *sections]
        self._groups_by_id = {(group.kind, group.theirs): group for group in groups}
        channels = list(self._channels())
        self._channels_by_id = {channel.theirs: channel for channel in channels}
        members = [*self._members("group", "group_moderators"), *self._members("section", "user_sections")]
        posts = list(self._posts())
        self._posts_by_id = {post.theirs: post for post in posts}
        return Plan(users, groups, channels, members, posts, list(self._votes()), self._report)

    def _users(self) -> Iterator[NewUser]:
        taken: dict[str, int] = {}
        for row in self._each("users", "user"):
            id_, uid = row["id"], row["uid"]
            name = _one_line(row["name"])[:LONGEST_NAME]
            self._named[id_] = name or (_one_line(uid)[:LONGEST_NAME] or FORMER_USER)
            if not fits(uid, Uid):
                self._report.left_out("user", id_, f"has the uid {uid!r:.60}; here it is 2 to 40 of A-Z a-z 0-9 . _ -")
            elif is_reserved(uid):
                self._report.left_out("user", id_, f"has the uid {uid}, which is reserved here: the operator gives it")
            elif (first := taken.setdefault(uid.lower(), id_)) != id_:
                self._report.left_out("user", id_, f"has the uid of user {first}, but for upper and lower case")
            else:
                yield self._user(row, uid, name)

    def _user(self, row: Row, uid: str, name: str) -> NewUser:
        who, email, kept = f"{row['id']} ({uid})", row.get("email"), row["password"]
        if not fits(name, Name) or name != row["name"]:
            self._report.changed("user", who, f"is called {name or uid!r} here: a name has 1 to 80 characters")
        if email not in NO_EMAIL and not fits(email, Email):
            self._report.changed("user", who, "has no e-mail address here: theirs is none")
        if not passwords.known(kept):
            self._report.changed(
                "user", who, "has no password here, for it is not kept as a hash that is known: user reset"
            )
        admin = row.get("role") == "Admin"
        if admin and not self._admins:
            self._report.changed("user", who, "is no admin here: --admins, or user role")
        return NewUser(
            row["id"],
            digest("user", uid.lower()),
            uid,
            name or uid,
            email if fits(email, Email) else None,
            kept if passwords.known(kept) else None,
            admin and self._admins,
        )

    def _groups(self, kind: str, closed: bool) -> Iterator[NewGroup]:
        for row in self._each(f"{kind}s", kind):
            name = _one_line(row["name"])
            short = _one_line(row.get("abbreviation") or "") or name
            if not name:
                self._report.changed(kind, row["id"], "has no name")
            if len(name) > LONGEST_NAME:
                self._report.changed(
                    kind, row["id"], f"has a name of more than {LONGEST_NAME} characters: the rest is cut"
                )
            own = _slug(short) or f"{kind}-{row['id']}"
            slug = f"{self._section_of(kind, row)}{own}"[:LONGEST_SLUG].strip("-")
            yield NewGroup(row["id"], digest(kind, short or own), kind, (name or own)[:LONGEST_NAME], slug, closed)

    def _section_of(self, kind: str, row: Row) -> str:
        """What the slug of a group begins with: that of its section, by which pages find it (overview.py)."""
        if row.get("section_id") is None:
            return ""
        section = self._sections_by_id.get(row["section_id"])
        if section is None:
            self._report.changed(kind, row["id"], "is of no section here, for its own is not there")
        return f"{section.slug}-" if section else ""

    def _channels(self) -> Iterator[NewChannel]:
        first: dict[bytes, int] = {}
        for row in self._each("channels", "channel"):
            group, key = self._groups_by_id.get(("group", row["group_id"])), _one_line(row["name"])
            if group is None:
                self._report.left_out("channel", row["id"], "is in a group that is not there")
            elif not fits(key, Key):
                self._report.left_out("channel", row["id"], "has a name without or with more than 300 characters")
            else:
                key_of = digest("channel", group.digest.hex(), key)
                made = NewChannel(row["id"], key_of, group.theirs, key, self._json(row, "attributes", "channel"))
                if (other := first.setdefault(made.digest, made.theirs)) != made.theirs:
                    self._report.changed("channel", row["id"], f"has the name of channel {other}: here they are one")
                if len(key) > LONGEST_TITLE:
                    self._report.changed("channel", row["id"], f"has a title of {LONGEST_TITLE} characters here")
                yield made

    def _members(self, kind: str, table: str) -> Iterator[NewMember]:
        role = "moderator" if kind == "group" else "member"
        for row in self._rows[table]:
            user, id_ = self._users_by_id.get(row["user_id"]), row[f"{kind}_id"]
            group = self._groups_by_id.get((kind, id_))
            if user is None or group is None:
                self._report.left_out(f"{role} of {kind}", id_, f"user {row['user_id']} or the {kind} is not here")
            else:
                key = digest("member", group.digest.hex(), user.digest.hex())
                yield NewMember(user.theirs, key, kind, group.theirs, role)

    def _posts(self) -> Iterator[NewPost]:
        rows = list(self._each("posts", "post"))
        for number, row in enumerate(rows):
            if number % PORTION == 0:
                self._progress("Rendering", number, len(rows))
            channel = self._channels_by_id.get(row.get("channel_id"))  # type: ignore[arg-type]
            if row.get("channel_id") is not None and channel is None:
                self._report.left_out("post", row["id"], "is in a channel that is not here")
            elif channel is None and not self._notes:
                self._report.left_out("post", row["id"], "is a note, which is in no channel: --notes names one")
            elif (body := self._body(row)) and (html := self._rendered(row, body)):
                yield self._post(row, channel, body, html)
        self._progress("Rendering", len(rows), len(rows))

    def _body(self, row: Row) -> str:
        """The body of a post; "" where there is a reason to leave it out."""
        title, comment = row.get("title") or "", row["comment"] or ""
        wrong = ""
        if not isinstance(title, str) or not isinstance(comment, str):
            wrong = "is no text in UTF-8"
        elif not (body := joined(title, comment, self._json(row, "content", "post"))).strip():
            wrong = "is empty"
        elif "\0" in body:
            wrong = "has a NUL character"
        elif len(body) > self._longest_post:
            wrong = f"has {len(body)} characters: POTTLE_POST_LENGTH allows {self._longest_post}"
        if wrong:
            self._report.left_out("post", row["id"], wrong)
        return "" if wrong else body

    def _rendered(self, row: Row, body: str) -> str:
        """The HTML of a post; "" where it shows nothing."""
        html = rendered(body)
        if not text.shows(html):
            self._report.left_out("post", row["id"], "shows nothing")
            return ""
        return html

    def _json(self, row: Row, column: str, kind: str) -> Any:
        """What a free-form column holds, which SQLAlchemy keeps as JSON text; None for nothing."""
        written = row.get(column)
        try:
            return None if written is None else msgspec.json.decode(written)
        except (msgspec.DecodeError, TypeError, UnicodeError, RecursionError):
            self._report.left_out(f"{column} of {kind}", row["id"], "is not JSON")
            return None

    def _post(self, row: Row, channel: NewChannel | None, body: str, html: str) -> NewPost:
        user, guest = self._users_by_id.get(row["user_id"]), None
        if user is None:
            guest = self._named.get(row["user_id"], FORMER_USER)
            self._report.changed("post", row["id"], f"is under the name {guest!r}, for its author has no account here")
        by = user.uid.lower() if user else guest
        where = channel.digest.hex() if channel else ""
        key = digest("post", by, where, row["id"], body)
        author = user.theirs if user else None
        return NewPost(row["id"], key, author, guest, channel.theirs if channel else None, body, html)

    def _votes(self) -> Iterator[NewVote]:
        last: dict[tuple[int, int], NewVote] = {}
        for row in self._each("votes", "vote"):
            user, post = self._users_by_id.get(row["user_id"]), self._posts_by_id.get(row["post_id"])
            kind = VOTES.get(row["vote_type"]) if isinstance(row["vote_type"], str) else None
            if user is None or post is None or kind is None:
                why = "its user is not here" if user is None else "its post is not here"
                self._report.left_out("vote", row["id"], why if kind else f"is a {row['vote_type']!r:.40}")
                continue
            key = digest("vote", user.digest.hex(), post.digest.hex())
            if (before := last.get((user.theirs, post.theirs))) is not None:
                self._report.left_out("vote", before.theirs, "its user voted again for the same post")
            last[user.theirs, post.theirs] = NewVote(row["id"], key, user.theirs, post.theirs, kind)
        yield from last.values()

    def _each(self, table: str, kind: str) -> Iterator[Row]:
        """The rows of a table that have an id."""
        for row in self._rows[table]:
            if isinstance(row["id"], int):
                yield row
            else:
                self._report.left_out(kind, repr(row["id"]), "has no number for an id")


def _one_line(value: object) -> str:
    """Text as one visible line; "" for what is no text, or shows nothing."""
    return text.made_one_line(value) if isinstance(value, str) else ""


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_SLUG].strip("-")
