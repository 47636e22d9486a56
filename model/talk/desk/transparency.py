"""The statements of reasons of a group for a period, as a file: each removal, declined text and block, and what rules
held back by themselves. It names nobody.

The fields are those of the DSA Transparency Database (its API as of July 2025), as far as they make sense here; behind
them stand `ended` and what became of an appeal. It is read a portion at a time: a slow client holds nothing.
"""

import csv
import io
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import date, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from sqlalchemy import BigInteger, ColumnElement, String, and_, bindparam, or_, select

from model.accounts.session import Identity, confirm
from model.groups import group
from model.groups.group import GroupRow
from model.talk.channel import Channel
from model.talk.decision import Reason
from model.talk.desk.statement import Found, Statement
from model.talk.judging import verdict
from model.talk.judging.block import Block
from model.talk.judging.verdict import Judged
from model.talk.post import Edit, Post
from model.talk.room import harmless
from pottle.errors import Forbidden, Invalid, NotFound, Unauthenticated
from pottle.store import Snapshot, db, reads
from pottle.translation import _

Format = Literal["csv", "json"]
Day = Annotated[
    str,
    Meta(pattern=r"^\d{4}-\d\d-\d\d$(?!\n)", extra={"tidies": None, "says": _("must be a day such as 2026-11-27")}),
]
PORTION = 200  # rows read at once
OTHER = "STATEMENT_CATEGORY_OTHER_VIOLATION_TC"
CATEGORIES: dict[Reason | None, str] = {
    "unkind": "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH",
    "personal": "STATEMENT_CATEGORY_DATA_PROTECTION_AND_PRIVACY_VIOLATIONS",
}
GROUNDS: dict[Reason | None, str] = {
    "off-topic": "Off topic",
    "unkind": "Unkind or hurtful",
    "personal": "Tells something private about somebody",
    "solution": "Gives the solution away",
    "repeated": "Was said already",
    "spam": "Advertising",
    "other": "Something else",
    None: "Rules of the group",
}
FOUND: dict[Found, str] = {
    "report": "Somebody reported it, and a moderator looked at it.",
    "rule": "Rules of the group held it back until a moderator had looked.",
    "review": "A moderator looked at it before it became public, as at all posts there.",
    "look": "A moderator saw it.",
}


class TransparencyRow(msgspec.Struct):
    """A statement of reasons, in the words of the DSA Transparency Database. Empty is what does not apply."""

    puid: str
    decision_visibility: list[str]
    decision_provision: str
    decision_ground: str
    incompatible_content_ground: str
    incompatible_content_explanation: str
    incompatible_content_illegal: str
    category: str
    content_type: list[str]
    content_date: str
    territorial_scope: list[str]
    application_date: str
    end_date_visibility_restriction: str
    end_date_service_restriction: str
    decision_facts: str
    source_type: str
    automated_detection: str
    automated_decision: str
    redress: str
    ended: str
    appeal: str


class Transparency(msgspec.Struct):
    """The statements of a group for a period, oldest first. A file that was cut off lacks `complete`."""

    group: str
    since: str
    until: str
    statements: list[TransparencyRow]
    complete: bool


def _of_period(table: Any, group_id: Any, key: Any) -> tuple[ColumnElement[bool], ...]:
    at, after = bindparam("at", type_=String), bindparam("after", type_=BigInteger)
    on = or_(table.created > at, and_(table.created == at, key > after))
    return (
        group_id == bindparam("group_id"),
        table.created >= bindparam("since"),
        table.created < bindparam("before"),
        on,
    )


HELD = (
    select(Judged.post_id.label("id"), Judged.about, Judged.reasons, Judged.created, Post.created.label("written"))
    .add_columns(Post.state, Edit.state.label("edit"))
    .join(Post, Post.id == Judged.post_id)
    .join(Channel, Channel.id == Post.channel_id)
    .outerjoin(Edit, Edit.post_id == Post.id)
    .where(*_of_period(Judged, Channel.group_id, Judged.post_id))
    .order_by(Judged.created, Judged.post_id)
    .limit(PORTION)
)
STATEMENTS = (
    select(*Statement.__table__.c)
    .where(*_of_period(Statement, Statement.group_id, Statement.id))
    .order_by(Statement.created, Statement.id)
    .limit(PORTION)
)
BLOCKS = (
    select(Block.id, Block.created, Block.until, Block.why)
    .where(*_of_period(Block, Block.group_id, Block.id), Block.user_id.is_not(None))
    .order_by(Block.created, Block.id)
    .limit(PORTION)
)
Pieces = AsyncIterator[bytes]


async def take(identity: Identity, slug: str, since: str, until: str, form: Format) -> Pieces:
    """Begins a file, which the caller has yet to read. For the group's moderators.

    Raises NotFound, Forbidden; Invalid for days that are none. It breaks off where the right to read ends.
    """
    _check(since=since, until=until)
    before = (date.fromisoformat(until) + timedelta(days=1)).isoformat()
    row = await group.moderated(identity, slug)
    rows = _rows(identity, row, since, before)
    return _as_csv(rows) if form == "csv" else _as_json(rows, slug, since, until)


def _check(**days: str) -> None:
    for name, day in days.items():
        try:
            date.fromisoformat(day)
        except ValueError:
            raise Invalid({name: _("must be a day such as 2026-11-27")}) from None


async def _rows(identity: Identity, of: GroupRow, since: str, before: str) -> AsyncIterator[TransparencyRow]:
    kinds: list[tuple[Any, Callable[[Any], TransparencyRow]]] = [
        (HELD, _of_held),
        (STATEMENTS, _of_statement),
        (BLOCKS, _of_block),
    ]
    for statement, made in kinds:
        at, after, more = "", 0, True
        while more:
            await _still(identity, of.slug)
            async with db.session() as session:
                values = {"group_id": of.id, "since": since, "before": before, "at": at, "after": after}
                rows = (await session.execute(statement, values)).all()
            for row in rows:
                yield made(row)
                at, after = row.created, row.id
            more = len(rows) == PORTION


@reads
def _still(read: Snapshot, identity: Identity, slug: str) -> None:
    """Raises what `take` does where the session, the right or the group has ended meanwhile."""
    confirm(read, identity)
    group.moderated.within(read, identity, slug)


def _of_held(row: Any) -> TransparencyRow:
    waits = (row.edit if row.about == "edit" else row.state) == "pending"
    reasons = [str(said) for said in verdict.in_words(verdict.of_column(row.reasons))]
    return TransparencyRow(
        puid=f"held-{row.id}-{row.about}",
        decision_visibility=["DECISION_VISIBILITY_CONTENT_DISABLED"],
        decision_provision="",
        decision_ground="DECISION_GROUND_INCOMPATIBLE_CONTENT",
        incompatible_content_ground=GROUNDS[None],
        incompatible_content_explanation=" ".join(reasons),
        incompatible_content_illegal="No",
        category=OTHER,
        content_type=["CONTENT_TYPE_TEXT"],
        content_date=row.written[:10],
        territorial_scope=[],
        application_date=row.created[:10],
        end_date_visibility_restriction="",
        end_date_service_restriction="",
        decision_facts=" ".join(["Rules of the group hold it back until a moderator has looked.", *reasons]),
        source_type="SOURCE_VOLUNTARY",
        automated_detection="Yes",
        automated_decision="AUTOMATED_DECISION_FULLY",
        redress="A moderator looks at it",
        ended="" if waits else "decided",
        appeal="",
    )


def _of_statement(row: Any) -> TransparencyRow:
    rules = [str(said) for said in verdict.in_words(verdict.of_column(row.rules))]
    shown = "REMOVED" if row.was == "published" else "DISABLED"
    return TransparencyRow(
        puid=f"statement-{row.id}",
        decision_visibility=[f"DECISION_VISIBILITY_CONTENT_{shown}"],
        decision_provision="",
        decision_ground="DECISION_GROUND_INCOMPATIBLE_CONTENT",
        incompatible_content_ground=GROUNDS[row.reason],
        incompatible_content_explanation=row.note or GROUNDS[row.reason],
        incompatible_content_illegal="No",
        category=CATEGORIES.get(row.reason, OTHER),
        content_type=["CONTENT_TYPE_TEXT"],
        content_date=row.written[:10],
        territorial_scope=[],
        application_date=row.created[:10],
        end_date_visibility_restriction=(row.ended or "")[:10],
        end_date_service_restriction="",
        decision_facts=" ".join([FOUND[row.found], *rules]),
        source_type="SOURCE_TYPE_OTHER_NOTIFICATION" if row.found == "report" else "SOURCE_VOLUNTARY",
        automated_detection="Yes" if row.found == "rule" else "No",
        automated_decision="AUTOMATED_DECISION_NOT_AUTOMATED",
        redress="Appeal to a moderator for half a year",
        ended=row.ended or "",
        appeal=row.appeal_state or "",
    )


def _of_block(row: Any) -> TransparencyRow:
    return TransparencyRow(
        puid=f"block-{row.id}",
        decision_visibility=[],
        decision_provision=f"DECISION_PROVISION_PARTIAL_{'SUSPENSION' if row.until else 'TERMINATION'}",
        decision_ground="DECISION_GROUND_INCOMPATIBLE_CONTENT",
        incompatible_content_ground=GROUNDS[None],
        incompatible_content_explanation=row.why,
        incompatible_content_illegal="No",
        category=OTHER,
        content_type=[],
        content_date="",
        territorial_scope=[],
        application_date=row.created[:10],
        end_date_visibility_restriction="",
        end_date_service_restriction=(row.until or "")[:10],
        decision_facts="A moderator decided that an account may read in the group and not write.",
        source_type="SOURCE_VOLUNTARY",
        automated_detection="No",
        automated_decision="AUTOMATED_DECISION_NOT_AUTOMATED",
        redress="Write to whoever runs the site",
        ended="",
        appeal="",
    )


async def _as_json(rows: AsyncIterator[TransparencyRow], slug: str, since: str, until: str) -> Pieces:
    about = msgspec.json.encode({"group": slug, "since": since, "until": until})
    yield about[:-1] + b',"statements":['
    between = b"\n"
    async for row in rows:
        yield between + msgspec.json.encode(row)
        between = b",\n"
    yield b'\n],"complete":true}\n'


async def _as_csv(rows: AsyncIterator[TransparencyRow]) -> Pieces:
    """For spreadsheets (RFC 4180), in UTF-8 with its mark; lists have semicolons."""
    names = TransparencyRow.__struct_fields__
    yield ("\ufeff" + _line([*names])).encode()
    async for row in rows:
        cells = [getattr(row, name) for name in names]
        yield _line([harmless("; ".join(cell) if isinstance(cell, list) else cell) for cell in cells]).encode()


def _line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


async def until_it_ends(pieces: Pieces) -> Pieces:
    """Breaks off where the right to read ends."""
    with suppress(Unauthenticated, Forbidden, NotFound):
        async for piece in pieces:
            yield piece
