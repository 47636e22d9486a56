"""Importing a Flask back end's SQLite database into ours, which may be in use: read, plan, then place.

`source.read` reads it, `plan.Plan` says what can come, and all of that is placed in one transaction, or nothing is.
What was imported once is not imported again, whatever became of it here since. So an import can be repeated while pages
still use the old back end: it brings what is new, and what somebody deleted here stays deleted.
"""

from typing import Any

from sqlalchemy import bindparam, select

from model import audit, settings
from model.accounts import user
from model.accounts.user import User
from model.arriving.imported import KNOWN, REMEMBER, Imported
from model.arriving.plan import Report
from model.flask import extras, under_pages
from model.flask.plan import VOTES, Item, NewChannel, NewGroup, NewMember, NewPost, NewUser, NewVote, Plan
from model.flask.source import Source, counted
from model.groups import group
from model.groups.group import Group, Membership
from model.talk import channel, posting, reaction
from model.talk.channel import Channel
from model.talk.post import FORMER_USER, Post
from pottle.errors import NotFound
from pottle.store import Tx, writes
from pottle.store.copies import Progress

RULES = {"reading": "public", "posting": "users", "review": "none"}
CLOSED = {"reading": "members", "posting": "members", "review": "none"}
MATCHED = {"user": "matched", "group": "entered", "section": "entered"}


GROUP_CAME = select(Imported.digest).where(
    Imported.kind.in_(["group", "section", MATCHED["group"]]), Imported.subject == bindparam("subject")
)
POSTS = ("post", "microblog", "reply")
TABLES: dict[str, Any] = {"user": User, "group": Group, "section": Group, "channel": Channel, "page": Channel}
THERE = {kind: select(table.id).where(table.id == bindparam("id")) for kind, table in TABLES.items()}
THERE |= dict.fromkeys(POSTS, select(Post.id).where(Post.id == bindparam("id"), Post.state == "published"))
NUMBERED = ("user", "group", "section", "channel", "post")  # what pages have numbers of written in
BY_KEY = select(Channel.id).where(Channel.group_id == bindparam("group_id"), Channel.key == bindparam("key"))


async def import_(
    source: Source, name: str, admins: bool, notes: int | None, progress: Progress
) -> tuple[dict[str, int], list[str]]:
    """Imports what is new in a source called `name`: how many of each kind, and what was left out or changed.

    `admins`: their admins become ours. `notes`: the id of the channel for posts that have none. Raises NotFound where
    there is no such channel; nothing is changed then.
    """
    plan = Plan(source, settings.chosen().post_length, admins, notes is not None, progress)
    plan.items += under_pages.PagesPlan(plan, progress).items
    return await _place(plan, name, notes, progress)


@writes
def _place(tx: Tx, plan: Plan, name: str, notes: int | None, progress: Progress) -> tuple[dict[str, int], list[str]]:
    if notes is not None and tx.one(THERE["channel"], id=notes) is None:
        raise NotFound(f"There is no channel {notes}.")
    placing = Placing(tx, plan, notes)
    for item in counted("Importing", plan.items, len(plan.items), progress):
        placing.steps[type(item)](item)
    placing.finish(plan)
    said = ", ".join(f"{count} {kind}" for kind, count in placing.counts.items())
    audit.note(tx, None, "flask.imported", name, detail=said)
    return placing.counts, placing.report.lines


class Placing:
    """One run of the unit, which may be run again: so the plan is not changed."""

    def __init__(self, tx: Tx, plan: Plan, notes: int | None) -> None:
        self.tx, self._notes = tx, notes
        self.ours: dict[tuple[str, Any], int | None] = {}  # ids here, by kind and id there; None for what is gone
        self._matched: set[tuple[str, Any]] = set()  # by kind and id there: was here already, and may be another's
        self.voted_on: set[int] = set()  # posts here
        self.report = Report(plan.report)
        self.counts = dict.fromkeys(("users", "groups", "channels", "posts", "votes"), 0)
        self.steps: dict[type[Item], Any] = {
            NewUser: self._user,
            NewGroup: self._group,
            NewChannel: self._channel,
            NewMember: self._member,
            NewPost: self._post,
            NewVote: self._vote,
            **under_pages.steps(self),
        }

    def _user(self, new: NewUser) -> None:
        if self.came_before("user", new):
            return
        if there := self.tx.one(user.TAKEN, uid_folded=new.uid.lower()):
            why = "has an account here already, which keeps its password and rights, and gets the posts and votes"
            self.report.changed("user", f"{new.theirs} ({new.uid})", why)
            self.remember("user", new, there.id, matched=True)
        else:
            role: user.Role = "admin" if new.admin else "user"
            self.remember("user", new, user.add(self.tx, new.uid, new.name, new.kept, new.email, role))
            self.counts["users"] += 1

    def _group(self, new: NewGroup) -> None:
        if self.came_before(new.kind, new):
            return
        slug, there = self._free(new.slug)
        if there is not None:
            why = f"is put into the group {slug}, which was here already and keeps its rules and members"
            self.report.changed(new.kind, new.theirs, why)
            self.remember(new.kind, new, there, matched=True)
        else:
            fields = {"slug": slug, "name": new.name, "origins": [], **(CLOSED if new.closed else RULES)}
            group.create.within(self.tx, None, fields)
            self.remember(new.kind, new, self.tx.one(group.TAKEN, slug=slug).id)
            self.counts["groups"] += 1

    def _free(self, base: str) -> tuple[str, int | None]:
        """A slug that is free, or that of a group that no import made, and its id."""
        slug, number = base, 1
        while there := self.tx.one(group.TAKEN, slug=slug):
            if self.tx.one(GROUP_CAME, subject=there.id) is None:
                return slug, there.id
            number += 1
            slug = f"{base}-{number}"
        return slug, None

    def _channel(self, new: NewChannel) -> None:
        in_group = self.ours["group", new.group]
        if in_group is None:
            self.gone("channel", new, "its group was deleted here")
        elif not self.came_before("channel", new):
            if there := self.tx.one(BY_KEY, group_id=in_group, key=new.key):
                self.report.changed("channel", new.theirs, "is put into one of the same name that was here already")
                self.remember("channel", new, there.id)
            else:
                made = channel.add(self.tx, in_group, new.key, new.key[: extras.LONGEST_TITLE], None)
                self.remember("channel", new, made)
                self.counts["channels"] += 1

    def _member(self, new: NewMember) -> None:
        in_group, who = self.ours[new.kind, new.group], self.ours["user", new.theirs]
        if in_group is None or who is None or self.tx.one(KNOWN, digest=new.digest):
            return  # where the group or the user is gone, the report says so already
        if not self._matched.isdisjoint({(new.kind, new.group), ("user", new.theirs)}):
            return  # either may be another's here: a role there gives no right here
        if self.tx.session.get(Membership, (in_group, who)) is None:
            group.join(self.tx, in_group, who, new.role)
            group.tell_standing(self.tx, who)
        self.tx.run(REMEMBER, digest=new.digest, kind="member", subject=None)

    def _post(self, new: NewPost) -> None:
        into = self._notes if new.channel is None else self.ours["channel", new.channel]
        if into is None:
            self.gone("post", new, "its channel was deleted here")
        elif not self.came_before("post", new):
            author = None if new.author is None else self.ours["user", new.author]
            draft = posting.Draft(new.body, new.html, None, None if author else new.guest or FORMER_USER, imported=True)
            self.remember("post", new, posting.add(self.tx, into, draft, author))
            self.counts["posts"] += 1

    def _vote(self, new: NewVote) -> None:
        who, on = self.ours["user", new.user], self.ours["post", new.post]
        if who is None or on is None or self.tx.one(KNOWN, digest=new.digest):
            return
        own = {"post_id": on, "user_id": who}
        if any(self.tx.one(reaction.FIND, **own, kind=kind) for kind in VOTES.values()):
            self.report.left_out("vote", new.theirs, "its user has voted for the post here already")
        else:
            self.tx.run(reaction.ADD, **own, kind=new.kind, created=self.tx.now)
            self.voted_on.add(on)
            self.counts["votes"] += 1
        self.tx.run(REMEMBER, digest=new.digest, kind="vote", subject=None)

    def known(self, item: Item) -> bool:
        """Whether something was imported before that nothing else refers to."""
        return self.tx.one(KNOWN, digest=item.digest) is not None

    def note(self, item: Item, kind: str) -> None:
        """Keeps in mind that it was."""
        self.tx.run(REMEMBER, digest=item.digest, kind=kind, subject=None)

    def came_before(self, kind: str, item: Item) -> bool:
        """Whether something was imported before; notes what it is here now, or that it is gone."""
        found = self.tx.one(KNOWN, digest=item.digest)
        if found is None:
            return False
        self.ours[kind, item.theirs] = found.subject
        if found.kind == MATCHED.get(kind):
            self._matched.add((kind, item.theirs))
        if self.tx.one(THERE[kind], id=found.subject) is None:
            self.gone(kind, item, "was imported before, and was deleted here since")
        return True

    def gone(self, kind: str, item: Item, why: str) -> None:
        """It is not here, and the report says why."""
        self.ours[kind, item.theirs] = None
        self.report.left_out(kind, item.theirs, why)

    def remember(self, kind: str, item: Item, here: int, matched: bool = False) -> None:
        """Notes what something is here, for this import and for later ones."""
        self.ours[kind, item.theirs] = here
        if matched:
            self._matched.add((kind, item.theirs))
        self.tx.run(REMEMBER, digest=item.digest, kind=MATCHED[kind] if matched else kind, subject=here)

    def finish(self, plan: Plan) -> None:
        """Counts the votes, and keeps the numbers by which pages call what came.

        A number that another import has already is not kept, and the report says so.
        """
        for id_ in sorted(self.voted_on):
            reaction.count_again(self.tx, id_, self.tx.session.get_one(Post, id_).channel_id)
        beside = {("channel", new.theirs): new.attributes for new in plan.items if isinstance(new, NewChannel)}
        for (kind, number), here in self.ours.items():
            if kind not in NUMBERED:
                continue
            extra = beside.get((kind, number)) or None
            if here is not None and not extras.keep(self.tx, kind, number, here, extra):
                why = "has another number below /flask: its own is taken by what came from another back end"
                self.report.changed(kind, number, why)
        self.tx.changed("flask.imported", tags=["flask"])
