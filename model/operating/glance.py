"""The server at a glance, for admins: what the doctor would say at once, while it runs."""

import platform
from datetime import UTC, datetime
from typing import Literal

import msgspec
from sqlalchemy import func, select

from model import settings
from model.accounts.user import User
from model.groups.group import Group
from model.operating.doctor import LARGE_LOG
from pottle import VERSION, times
from pottle.store import copies, db
from pottle.store.changes import LoggedChange
from pottle.store.sqlite import LITTLE_SPACE

Warned = Literal["disk", "log", "no backup", "old backup", "address", "limits", "sign-up"]
BACKED_UP_WITHIN_DAYS = 2
MOST_COUNTED = 6_000  # changes: a hundred a second
NEWEST = select(LoggedChange.created).order_by(LoggedChange.seq.desc()).limit(MOST_COUNTED).subquery()


class Glance(msgspec.Struct):
    """How the server is. Sizes are in bytes; `warnings` name what an admin should see to."""

    version: str
    python: str
    workers: int
    database: int
    log: int
    free: int
    backup: str | None
    changes: int
    accounts: int
    disabled: int
    groups: int
    warnings: list[Warned]


async def glance() -> Glance:
    """How the server is now."""
    database, log, free = await db.sizes()
    file = db.settings.instance / "app.db"
    made = copies.last(file)
    backup = times.text(datetime.fromtimestamp(made, UTC)) if made else None
    async with db.session() as session:
        since = times.later(minutes=-1)
        changes = await session.scalar(select(func.count()).select_from(NEWEST).where(NEWEST.c.created >= since))
        accounts = await session.scalar(select(func.count()).select_from(User))
        disabled = await session.scalar(select(func.count()).where(User.disabled.is_not(None)))
        groups = await session.scalar(select(func.count()).select_from(Group))
    counts = (changes or 0, accounts or 0, disabled or 0, groups or 0)
    warnings = _warnings(database, log, free, backup)
    version = platform.python_version()
    return Glance(VERSION, version, await db.workers(), database, log, free, backup, *counts, warnings)


def _warnings(database: int, log: int, free: int, backup: str | None) -> list[Warned]:
    chosen = settings.chosen()
    found: dict[Warned, bool] = {
        "disk": free < max(2 * database, LITTLE_SPACE),
        "log": log > LARGE_LOG,
        "no backup": backup is None,
        "old backup": backup is not None and backup < times.later(days=-BACKED_UP_WITHIN_DAYS),
        "address": bool(chosen.trusted_proxies) and not chosen.url,
        "limits": not chosen.rate_limits,
        "sign-up": chosen.sign_up == "open" and bool(chosen.url),
    }
    return [name for name, applies in found.items() if applies]
