"""Importing from a Flask back end's SQLite database into one that may be in use: all in one transaction, or nothing.

What came once never comes again, whatever became of it here since: an import can be repeated, while pages still use the
old back end, and brings what is new. What somebody deleted here stays deleted.
"""

from typing import Any

from sqlalchemy import LargeBinary, String, bindparam, insert, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from model import audit, settings
from model.accounts import user
from model.accounts.user import User
from model.flask import extras
from model.flask import plan as flask_plan
from model.flask.items import Item, NewChannel, NewGroup, NewMember, NewPost, NewUser, NewVote, Plan, Report
from model.flask.source import Source
from model.groups import group
from model.groups.group import Group, Membership
from model.talk import channel, posting, reaction
from model.talk.channel import Channel
from model.talk.post import FORMER_USER, Post
from model.talk.reaction import Reaction
from pottle.errors import NotFound
from pottle.store import Base, Tx, writes
from pottle.store.backup import Progress

RULES = {"reading": "public", "posting": "users", "review": "none"}
CLOSED = {"reading": "members", "posting": "members", "review": "none"}
PORTION = 100  # things between two reports
MATCHED = {"user": "matched", "group": "entered", "section": "entered"}


class Imported(Base):
    """A thing that was imported once: `digest` stands for what it was there, `subject` is its id here, if any.

    Where no import made what it is here, an account of the same uid or a group of the same slug, the `kind` is that of
    MATCHED.
    """

    __tablename__ = "imports"

    digest: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    subject: Mapped[int | None]


KNOWN = select(Imported.subject, Imported.kind).where(Imported.digest == bindparam("digest"))
REMEMBER = insert(Imported)
CAME_AS = select(Imported.digest).where(
    or_(Imported.kind == "group", Imported.kind == "section", Imported.kind == MATCHED["group"]),
    Imported.subject == bindparam("subject"),
)
THERE: dict[str, Any] = {
    "user": select(User.id).where(User.id == bindparam("id")),
    "group": select(Group.id).where(Group.id == bindparam("id")),
    "section": select(Group.id).where(Group.id == bindparam("id")),
    "channel": select(Channel.id).where(Channel.id == bindparam("id")),
    "post": select(Post.id).where(Post.id == bindparam("id"), Post.state == "published"),
}
BY_KEY = select(Channel.id).where(Channel.group_id == bindparam("group_id"), Channel.key == bindparam("key"))
STANDING = select(Membership.role).where(
    Membership.group_id == bindparam("group_id"), Membership.user_id == bindparam("user_id")
)
VOTED = select(Reaction.kind).where(
    Reaction.post_id == bindparam("post_id"),
    Reaction.user_id == bindparam("user_id"),
    or_(Reaction.kind == "up", Reaction.kind == "down"),
)
PLACED = select(Post.id, Post.channel_id).where(Post.id == bindparam("id"))


async def import_(
    source: Source, name: str, admins: bool, notes: int | None, progress: Progress
) -> tuple[dict[str, int], list[str]]:
    """Imports what is new in a source called `name`: how many of each kind, and what was left out or changed.

    `admins`: who is an admin there is one here. `notes`: the id of the channel for posts that have none. Raises
    NotFound where there is no such channel; nothing is changed then.
    """
    plan = flask_plan.planned(source, settings.chosen().post_length, admins, notes is not None, progress)
    return await _bring(plan, name, notes, progress)


@writes
def _bring(tx: Tx, plan: Plan, name: str, notes: int | None, progress: Progress) -> tuple[dict[str, int], list[str]]:
    """Everything of a plan that was not brought before."""
    if notes is not None and tx.one(THERE["channel"], id=notes) is None:
        raise NotFound(f"There is no channel {notes}.")
    return _Bringer(tx, plan, notes, progress).bring(name)


class _Bringer:
    def __init__(self, tx: Tx, plan: Plan, notes: int | None, progress: Progress) -> None:
        self._tx, self._plan, self._notes, self._progress = tx, plan, notes, progress
        self._ours: dict[tuple[str, int], int | None] = {}  # ids here, by kind and id there; None for what is gone
        self._report = Report(plan.report)  # for the unit may be run again
        self._matched: set[tuple[str, int]] = set()  # by kind and id there: what no import made, maybe another's
        self._voted_on: set[int] = set()  # posts here
        self._counts = dict.fromkeys(("users", "groups", "channels", "posts", "votes"), 0)

    def bring(self, name: str) -> tuple[dict[str, int], list[str]]:
        plan, done = self._plan, 0
        steps: list[tuple[list[Any], Any]] = [
            (plan.users, self._user),
            (plan.groups, self._group),
            (plan.channels, self._channel),
            (plan.members, self._member),
            (plan.posts, self._post),
            (plan.votes, self._vote),
        ]
        all_ = sum(len(items) for items, _ in steps)
        for items, step in steps:
            for item in items:
                if done % PORTION == 0:
                    self._progress("Importing", done, all_)
                step(item)
                done += 1
        self._progress("Importing", all_, all_)
        for on in sorted(self._voted_on):
            reaction.count_again(self._tx, self._tx.one(PLACED, id=on))
        self._keep_numbers()
        said = ", ".join(f"{count} {kind}" for kind, count in self._counts.items())
        audit.note(self._tx, None, "flask.imported", name, detail=said)
        return self._counts, self._report.lines

    def _user(self, new: NewUser) -> None:
        if self._came_before("user", new):
            return
        tx, folded = self._tx, new.uid.lower()
        if (there := tx.one(user.TAKEN, uid_folded=folded)) is None:
            role: user.Role = "admin" if new.admin else "user"
            self._counts["users"] += 1
            self._remember("user", new, user.add(tx, new.uid, new.name, new.kept, new.email, role))
        else:
            why = "has an account here already, which keeps its password and rights, and gets the posts and votes"
            self._report.changed("user", f"{new.theirs} ({new.uid})", why)
            self._remember("user", new, there.id, matched=True)

    def _group(self, new: NewGroup) -> None:
        if self._came_before(new.kind, new):
            return
        slug, there = self._free(new.slug)
        if there is None:
            fields = {"slug": slug, "name": new.name, "origins": [], **(CLOSED if new.closed else RULES)}
            group.create.within(self._tx, None, fields)
            there = self._tx.one(group.TAKEN, slug=slug).id
            self._counts["groups"] += 1
            self._remember(new.kind, new, there)
        else:
            why = f"is put into the group {slug}, which was here already and keeps its rules and members"
            self._report.changed(new.kind, new.theirs, why)
            self._remember(new.kind, new, there, matched=True)

    def _free(self, base: str) -> tuple[str, int | None]:
        """A slug that is free, or that of a group that no import made, and its id."""
        slug, number = base, 1
        while there := self._tx.one(group.TAKEN, slug=slug):
            if self._tx.one(CAME_AS, subject=there.id) is None:
                return slug, there.id
            slug, number = f"{base}-{number + 1}", number + 1
        return slug, None

    def _channel(self, new: NewChannel) -> None:
        in_group = self._ours["group", new.group]
        if in_group is None:
            self._gone("channel", new, "its group was deleted here")
        elif not self._came_before("channel", new):
            there = self._tx.one(BY_KEY, group_id=in_group, key=new.key)
            if there is None:
                id_ = channel.add(self._tx, in_group, new.key, new.key[: flask_plan.LONGEST_TITLE], None)
                self._counts["channels"] += 1
            else:
                id_ = there.id
                self._report.changed("channel", new.theirs, "is put into one of the same name that was here already")
            self._remember("channel", new, id_)

    def _member(self, new: NewMember) -> None:
        in_group, who = self._ours[new.kind, new.group], self._ours["user", new.theirs]
        if in_group is None or who is None or self._tx.one(KNOWN, digest=new.digest):
            return  # where the group or the user is gone, the report says so already
        if not self._matched.isdisjoint({(new.kind, new.group), ("user", new.theirs)}):
            return  # and here where they are another's: what one was there is no right here
        if self._tx.one(STANDING, group_id=in_group, user_id=who) is None:
            group.join(self._tx, in_group, who, new.role)
            group.tell_standing(self._tx, who)
        self._tx.run(REMEMBER, digest=new.digest, kind="member", subject=None)

    def _post(self, new: NewPost) -> None:
        into = self._notes if new.channel is None else self._ours["channel", new.channel]
        if into is None:
            self._gone("post", new, "its channel was deleted here")
        elif not self._came_before("post", new):
            author = None if new.author is None else self._ours["user", new.author]
            guest = None if author else new.guest or FORMER_USER
            draft = posting.Draft(new.body, new.html, None, guest)
            self._remember("post", new, posting.add(self._tx, into, draft, author))
            self._counts["posts"] += 1

    def _vote(self, new: NewVote) -> None:
        who, on = self._ours["user", new.user], self._ours["post", new.post]
        if who is None or on is None or self._tx.one(KNOWN, digest=new.digest):
            return
        if self._tx.one(VOTED, post_id=on, user_id=who):
            self._report.left_out("vote", new.theirs, "its user has voted for the post here already")
        else:
            self._tx.run(reaction.ADD, post_id=on, user_id=who, kind=new.kind, created=self._tx.now)
            self._voted_on.add(on)
            self._counts["votes"] += 1
        self._tx.run(REMEMBER, digest=new.digest, kind="vote", subject=None)

    def _came_before(self, kind: str, item: Item) -> bool:
        """Whether a thing was imported once. If so it is known from now on, as what it is here or as gone."""
        found = self._tx.one(KNOWN, digest=item.digest)
        if found is None:
            return False
        there = self._tx.one(THERE[kind], id=found.subject)
        self._ours[kind, item.theirs] = there.id if there else None
        if found.kind == MATCHED.get(kind):
            self._matched.add((kind, item.theirs))
        if there is None:
            self._gone(kind, item, "was imported before, and was deleted here since")
        return True

    def _keep_numbers(self) -> None:
        """Has pages call everything that is here by the number that it had there.

        What clashes with another import's keeps the number from here, and the report says so.
        """
        beside = {("channel", new.theirs): new.attributes for new in self._plan.channels}
        for (kind, number), here in self._ours.items():
            extra = beside.get((kind, number)) or None
            if here is not None and not extras.keep(self._tx, kind, number, here, extra):
                why = "has another number below /flask: its own is taken by what came from another back end"
                self._report.changed(kind, number, why)
        self._tx.changed("flask.imported", tags=["flask"])

    def _gone(self, kind: str, item: Item, why: str) -> None:
        self._ours[kind, item.theirs] = None
        self._report.left_out(kind, item.theirs, why)

    def _remember(self, kind: str, item: Item, here: int, matched: bool = False) -> None:
        self._ours[kind, item.theirs] = here
        if matched:
            self._matched.add((kind, item.theirs))
        came = MATCHED[kind] if matched else kind
        self._tx.run(REMEMBER, digest=item.digest, kind=came, subject=here)
