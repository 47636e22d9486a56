"""What reading without aiosqlite's thread is worth: the same async sessions on a stock engine, on ours, and snapshots.

    python -m bench.inline_reads      about 15 s; the numbers in docs/decisions/inline-reads.md are what it printed

All read the same file, of 1,000 posts. The stock engine has aiosqlite and SQLAlchemy's pool as they come. "At once" is
64 tasks, each of which reads again as soon as it can. What counts is the processor's time, in all threads together: a
server has no more of it than the machine does, and other work on the machine does not count.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, event, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from examples.seed import person
from model import post, posting
from model.post import Post
from model.settings import Settings
from model.store import db
from model.store.engines import Reading
from model.user import User

SECONDS = 0.2
ROUNDS = 6  # each way in turn and the best of each, so that other work on the machine counts for none of them

LIST = post.LISTED.order_by(Post.id.desc()).limit(20)
USER = select(User).where(User.uid_folded == bindparam("folded"))
ADA = select(*User.__table__.c).where(User.uid_folded == bindparam("folded"))

Read = Callable[[], Awaitable[object]]


async def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as folder:
        await db.open(Settings(instance=Path(folder)))
        await fill()
        stock, ours = stock_engine(Path(folder) / "app.db"), Reading(Path(folder) / "app.db").engine
        print(f"{'reads/s':42}{'aiosqlite':>10}{'inline':>10}{'ratio':>8}{'snapshot':>10}")
        lists = {"aiosqlite": partial(list_posts, stock), "inline": partial(list_posts, ours), "snapshot": list_at_once}
        users = {"aiosqlite": partial(one_user, stock), "inline": partial(one_user, ours), "snapshot": user_at_once}
        for name, ways in (("20 posts with their authors", lists), ("one user (by the ORM)", users)):
            for how, tasks in (("one by one", 1), ("at once", 64)):
                show(f"{name}, {how}", await measured(ways, tasks))
        await stock.dispose()
        await ours.dispose()
        await db.close()


async def fill() -> None:
    """1,000 posts by Ada in the lobby."""
    ada = await person("ada", "Ada")
    new = await posting.draft("A post of *ordinary* length, such as people write when they talk in a class.")
    await asyncio.gather(*(db.write(posting.create, ada, 1, new, None) for _ in range(1_000)))


def stock_engine(path: Path) -> AsyncEngine:
    """aiosqlite and a pool as they come: a thread for each of up to 15 connections."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA query_only=ON")

    event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


async def list_posts(engine: AsyncEngine) -> object:
    async with AsyncSession(engine, expire_on_commit=False) as session:
        return [post.view(row) for row in await session.execute(LIST, {"channel": 1})]


async def list_at_once() -> object:
    with db.snapshot() as read:
        return [post.view(row) for row in read.all(LIST, channel=1)]


async def one_user(engine: AsyncEngine) -> object:
    async with AsyncSession(engine, expire_on_commit=False) as session:
        return await session.scalar(USER, {"folded": "ada"})


async def user_at_once() -> object:
    with db.snapshot() as read:
        return read.one(ADA, folded="ada")


async def measured(ways: dict[str, Any], tasks: int) -> dict[str, float]:
    """Reads per second of processor time each way: the best of its rounds."""
    found = dict.fromkeys(ways, 0.0)
    for _ in range(ROUNDS):
        for name, read in ways.items():
            found[name] = max(found[name], await rate(read, tasks))
    return found


async def rate(read: Read, tasks: int) -> float:
    """Reads per second of processor time, by so many tasks."""
    done = 0
    end = time.perf_counter() + SECONDS

    async def work() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await read()
            done += 1
            await asyncio.sleep(0)

    begun = time.process_time()
    await asyncio.gather(*(work() for _ in range(tasks)))
    return done / (time.process_time() - begun)


def show(what: str, found: dict[str, float]) -> None:
    """One line of the table."""
    slow, fast, fastest = found.values()
    print(f"{what:42}{slow:>10,.0f}{fast:>10,.0f}{fast / slow:>8.1f}{fastest:>10,.0f}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
