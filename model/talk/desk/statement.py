"""Statements of reasons: what was decided against somebody's post, why, how it was found, and what can be done about
it (Digital Services Act, article 17). One is kept of each removal, and of each new text that was declined.

Of decisions (model/talk/decision.py) only the newest is kept; a statement stays when it is undone, with the time. It
tells nobody's name. When its author's account goes, it stays without its words.
"""

from typing import Any, Literal

import msgspec
from sqlalchemy import JSON, ForeignKey, Index, String, bindparam, insert, literal_column, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts import account
from model.accounts.session import Identity
from model.groups.group import HERE, Group, asker
from model.talk import decision
from model.talk.channel import Channel
from model.talk.decision import About, Decision, Made, Reason
from model.talk.judging import report, verdict
from model.talk.judging.verdict import Verdict
from model.talk.post import Edit, Post
from pottle import times
from pottle.errors import NotFound
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, partial_index, reads
from pottle.store.paging import Cursor, Page, paged
from pottle.translation import _

APPEAL_DAYS = 183  # six months, as article 20 has it
Found = Literal["report", "rule", "review", "look"]  # how a moderator came to it
Ended = Literal["restored", "undone"]
AppealState = Literal["open", "granted", "declined"]


class Statement(Base):
    """What was decided against a post, or its new text, and its author's appeal, if there is one.

    `ended` says since when that holds no longer. `by_id` decided, `answered_by` on the appeal; no view tells of them
    but the moderators' queue.
    """

    __tablename__ = "statements"
    __table_args__ = (
        Index("ix_statements_group", "group_id", "created"),
        Index("ix_statements_post", "post_id", "about"),
        partial_index("ix_statements_appealed", "group_id", where="appeal_state = 'open'"),
        NEVER_REUSE_IDS,
    )

    id: Mapped[Id]
    decision_id: Mapped[int] = mapped_column(unique=True)  # there only as long as it is the newest on the post
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"))
    post_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id", ondelete="SET NULL"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)  # the author
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    about: Mapped[About] = mapped_column(String(10))
    was: Mapped[Literal["published", "pending"]] = mapped_column(String(10))
    reason: Mapped[Reason | None] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(String(500))
    found: Mapped[Found] = mapped_column(String(10))
    rules: Mapped[list[Any]] = mapped_column(JSON)  # why the group's rules held it back, if they did
    written: Mapped[Time]  # when the post was
    created: Mapped[Time]
    ended: Mapped[Time | None]
    how: Mapped[Ended | None] = mapped_column(String(10))
    appeal: Mapped[str | None] = mapped_column(String(2_000))
    appealed: Mapped[Time | None]
    appeal_state: Mapped[AppealState | None] = mapped_column(String(10))
    answer: Mapped[str | None] = mapped_column(String(500))
    answered: Mapped[Time | None]
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)


class AppealView(msgspec.Struct):
    """An appeal as its author sees it; `withdrawn` where they deleted what it was about before it was answered."""

    text: str
    state: Literal["open", "granted", "declined", "withdrawn"]
    created: str
    answer: str | None
    answered: str | None


class StatementView(msgspec.Struct):
    """A decision on somebody's own post, or on its new text (`about`), with all that its author is to be told.

    `text` is what it was about, "" where it is there no longer. `found` says how a moderator came to it: by a report,
    by a rule of the group that held it back (`rules` says why), in review, or by a look of their own.
    `appeal_until` is null where there is nothing to appeal against any more.
    """

    id: int
    post: int | None
    group: str
    group_name: str
    title: str | None
    about: About
    text: str
    reason: Reason | None
    note: str | None
    found: Found
    rules: list[str]
    automated_detection: bool
    automated_decision: bool
    territorial_scope: list[str]
    written: str
    created: str
    ended: str | None
    appeal_until: str | None
    appeal: AppealView | None


IN_GROUP = select(Channel.group_id).where(Channel.id == bindparam("id"))
ADD = insert(Statement)
END = (
    update(Statement)
    .where(Statement.post_id == bindparam("post_id"), Statement.about == bindparam("about"), Statement.ended.is_(None))
    .returning(Statement.id)
)
IS_OPEN = Statement.appeal_state == literal_column("'open'")  # as in its index
GRANT = update(Statement).where(Statement.id == bindparam("id"), IS_OPEN)
FORGET = update(Statement).where(Statement.user_id == bindparam("user_id"))
WITHDRAW = FORGET.where(IS_OPEN)
SHOWN = (
    select(*Statement.__table__.c, Decision.id.label("stands"), Channel.title, Group.slug.label("group"))
    .add_columns(Group.name.label("group_name"), Post.body, Edit.body.label("edit_body"))
    .join(Group, Group.id == Statement.group_id)
    .outerjoin(Decision, Decision.id == Statement.decision_id)
    .outerjoin(Post, Post.id == Statement.post_id)
    .outerjoin(Channel, Channel.id == Post.channel_id)
    .outerjoin(Edit, (Edit.post_id == Post.id) & (Edit.id == Decision.version) & (Decision.about == "edit"))
)
OWN = SHOWN.where(Statement.user_id == bindparam("user"), HERE)
OWN_ONE = OWN.where(Statement.id == bindparam("id"))


def text_of(row: Any) -> str:
    """What a statement is about, as long as it is there."""
    return (row.edit_body if row.about == "edit" else row.body) or "" if row.stands else ""


def appeal_until(row: Any) -> str | None:
    """Until when the author may appeal; None where there is nothing to appeal against any more, or they have."""
    if row.ended or row.appeal_state or not row.stands:
        return None
    until = times.at(times.milliseconds(row.created) + APPEAL_DAYS * 86_400_000)
    return until if until > times.now() else None


def view(row: Any) -> StatementView:
    """A statement as its author sees it."""
    return StatementView(
        id=row.id,
        post=row.post_id,
        group=row.group,
        group_name=row.group_name,
        title=row.title,
        about=row.about,
        text=text_of(row),
        reason=row.reason,
        note=row.note,
        found=row.found,
        rules=[*verdict.in_words(verdict.of_column(row.rules))],
        automated_detection=row.found == "rule",
        automated_decision=False,
        territorial_scope=[],
        written=row.written,
        created=row.created,
        ended=row.ended,
        appeal_until=appeal_until(row),
        appeal=_appeal(row),
    )


def _appeal(row: Any) -> AppealView | None:
    if row.appeal_state is None:
        return None
    gone = row.appeal_state == "open" and not row.stands
    return AppealView(
        row.appeal or "", "withdrawn" if gone else row.appeal_state, row.appealed, row.answer, row.answered
    )


def weight(row: Any) -> int:
    """Bytes of a statement's texts as JSON."""
    return len(msgspec.json.encode((row.body, row.edit_body, row.note, row.appeal, row.answer)))


@reads
def own(read: Snapshot, identity: Identity, cursor: Cursor) -> Page[StatementView]:
    """What was decided on the user's own posts, newest first."""
    return paged(read, OWN, Statement.id, cursor, view, weight, **_who(identity))


@reads
def own_one(read: Snapshot, identity: Identity, id_: int) -> StatementView:
    """One of those. Raises NotFound."""
    return view(own_row(read, identity, id_))


def own_row(read: Snapshot, identity: Identity, id_: int) -> Any:
    """One of the user's own statements. Raises NotFound."""
    row = read.one(OWN_ONE, id=id_, **_who(identity))
    if row is None:
        raise NotFound(_("There is no such decision on a post of yours."))
    return row


def _who(identity: Identity) -> dict[str, int]:
    who = asker(identity)
    return {"user": who["user"], "only": who["only"]}


def _hear(tx: Tx, by: Identity, post: Any, about: About, made: Made) -> None:
    """Reports are closed; a removal gets a statement, unless it is of one's own; what is restored ends it."""
    outcome: report.Outcome = "removed" if made.state == "removed" else "kept"
    reported = about == "post" and report.close(tx, post.id, outcome) > 0
    if made.state == "published":
        if made.was == "removed":
            end(tx, post.id, about, "restored", by)
    elif post.author_id is None or post.author_id != by.user:
        group_id = tx.one(IN_GROUP, id=post.channel_id).group_id
        of = {"decision_id": made.id, "group_id": group_id, "post_id": post.id, "user_id": post.author_id}
        said = verdict.of(tx, post.id, about) if made.was == "pending" else None
        why = {"was": made.was, **made.why._asdict(), "found": _found(made, reported, said)}
        why["rules"] = [msgspec.to_builtins(reason) for reason in said.reasons] if said else []
        tx.run(ADD, **of, by_id=by.user, about=about, **why, written=post.created, created=tx.now)


def _found(made: Made, reported: bool, said: Verdict | None) -> Found:
    if reported:
        return "report"
    if said is not None:
        return "rule"
    return "review" if made.was == "pending" else "look"


def end(tx: Tx, post_id: int, about: About, how: Ended, by: Identity) -> None:
    """Within a unit: what was decided holds no longer; who had appealed against it was right."""
    for row in tx.all(END, post_id=post_id, about=about, ended=tx.now, how=how):
        tx.run(GRANT, id=row.id, appeal_state="granted", answered=tx.now, answered_by=by.user)


def _without_words(tx: Tx, user_id: int) -> None:
    tx.run(WITHDRAW, user_id=user_id, appeal_state=None, appealed=None)
    tx.run(FORGET, user_id=user_id, note=None, appeal=None, answer=None)


decision.on_decision(_hear)
account.on_end(_without_words)
