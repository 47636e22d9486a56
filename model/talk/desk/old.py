"""What moderators wrote down is deleted once it is old (`retention_moderation`): reports that are closed, blocks that
have ended, notes, and statements of reasons but for those whose author waits for an answer."""

from typing import Any

from sqlalchemy import ColumnElement, String, bindparam, delete, func, or_, select

from model import settings
from model.operating import retention
from model.talk.desk.note import ModeratorNote
from model.talk.desk.statement import Statement
from model.talk.judging.block import Block
from model.talk.judging.report import Report
from pottle import times
from pottle.store import Tx, db

AT_ONCE = 100  # of each, in a unit
_before = bindparam("before", type_=String)
_answered = or_(Statement.appeal_state.is_(None), Statement.appeal_state != "open")
OLD: list[tuple[Any, ColumnElement[bool]]] = [
    (Report, Report.closed < _before),
    (Block, Block.until < _before),
    (ModeratorNote, ModeratorNote.created < _before),
    (Statement, (Statement.created < _before) & _answered),
]
DELETE = [delete(table).where(table.id.in_(select(table.id).where(old).limit(AT_ONCE))) for table, old in OLD]
COUNT = [(table.__tablename__, select(func.count()).select_from(table).where(old)) for table, old in OLD]


def work(tx: Tx) -> bool:
    """Deletes some of what is too old; whether there may be more."""
    deleted = [tx.run(statement, before=_too_old()) for statement in DELETE]
    return AT_ONCE in deleted


async def due() -> list[tuple[str, ...]]:
    """How many of what are too old."""
    async with db.session() as reading:
        counted = [(name, await reading.scalar(statement, {"before": _too_old()})) for name, statement in COUNT]
    return [(name, str(number)) for name, number in counted if number]


def _too_old() -> str:
    days = settings.chosen().retention_moderation
    return times.later(days=-days) if days else ""


RULE = retention.Rule("moderation", lambda chosen: retention.days(chosen.retention_moderation), work, due)
