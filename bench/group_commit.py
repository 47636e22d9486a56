"""What group commit is worth: posts through `db.write`, and through an ordinary async transaction each.

    python -m bench.group_commit      about 15 s; the numbers in docs/decisions/group-commit.md are what it printed

Both write the same rows (a post, its channel's count and seq, a change), both with synchronous=FULL, 64 tasks at once
in one process. The ordinary way is an AsyncSession on stock aiosqlite, BEGIN IMMEDIATE, and SQLite's own waiting.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from examples.seed import person
from model.accounts.session import Identity
from model.settings import Settings
from model.talk import posting
from model.talk.channel import Channel
from model.talk.post import Post
from model.talk.posting import Draft
from pottle import times
from pottle.store import db
from pottle.store.changes import LoggedChange, Stream

TASKS = 64
SECONDS = 6.0

Write = Callable[[Draft], Awaitable[object]]


async def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory(dir=".") as folder:  # not in memory, as /tmp may be
        await db.open(Settings(instance=Path(folder)))
        ada = await person("ada", "Ada")
        engine = stock_engine(Path(folder) / "app.db")
        print(f"{'':34}{'posts':>9}{'p50':>10}{'p99':>10}")
        plain = await measured("a transaction each, aiosqlite", lambda new: ordinary(engine, ada, new))
        grouped = await measured("db.write", lambda new: posting.create(ada, 1, new, None))
        print(f"{'ratio':34}{grouped / plain:>9.1f}")
        await engine.dispose()
        await db.close()


def stock_engine(path: Path) -> AsyncEngine:
    """aiosqlite as it comes, with our durability."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", connect_args={"timeout": 60}, pool_timeout=60)

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


async def ordinary(engine: AsyncEngine, ada: Identity, new: Draft) -> None:
    """What posting.create writes, in a transaction of its own."""
    async with AsyncSession(engine) as session, session.begin():
        place = await session.get_one(Channel, 1)
        now = times.now()
        made = Post(
            channel_id=1,
            author_id=ada.user,
            body=new.body,
            html=new.html,
            state="published",
            reactions="{}",
            replies=0,
            created=now,
            version=1,
        )
        session.add(made)
        await session.flush()
        stream = await session.get_one(Stream, "channel:1")
        change = LoggedChange(
            prev=stream.seq, stream="channel:1", kind="post.created", subject=made.id, tags="", created=now
        )
        session.add(change)
        await session.flush()
        place.posts += 1
        stream.seq = change.seq


async def measured(name: str, write: Write) -> float:
    """Posts per second, of TASKS that each wait for one post before the next; prints a line."""
    new = await posting.finished(Draft("A post of *ordinary* length, such as people write when they talk in a class."))
    waits: list[float] = []
    end = time.perf_counter() + SECONDS

    async def work() -> None:
        while (begun := time.perf_counter()) < end:
            await write(new)
            waits.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(TASKS)))
    rate = len(waits) / (time.perf_counter() - begun)
    quantiles = statistics.quantiles(waits, n=100)
    print(f"{name:34}{rate:>7,.0f}/s{quantiles[49] * 1000:>7.0f} ms{quantiles[98] * 1000:>7.0f} ms", flush=True)
    return rate


if __name__ == "__main__":
    asyncio.run(main())
