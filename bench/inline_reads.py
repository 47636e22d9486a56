"""What hot reads gain by running in the event loop: ordinary async sessions, in aiosqlite's threads, and snapshots.

    python -m bench.inline_reads      about 10 s; docs/decisions/inline-reads.md has what it printed

Both read the same file, of 1,000 posts. "At once" is 64 tasks, each of which reads again as soon as it can. What counts
is the processor's time, in all threads together: a server has no more of it than the machine does, and other work on
the machine does not count.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, select

from examples.seed import person
from model.accounts.user import User
from model.settings import Settings
from model.talk import post, posting
from model.talk.post import Post
from pottle.store import db

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
        print(f"{'reads/s':42}{'session':>10}{'snapshot':>10}{'ratio':>8}")
        lists, users = (
            {"session": list_posts, "snapshot": list_at_once},
            {"session": one_user, "snapshot": user_at_once},
        )
        for name, ways in (("20 posts with their authors", lists), ("one user (by the ORM)", users)):
            for how, tasks in (("one by one", 1), ("at once", 64)):
                show(f"{name}, {how}", await measured(ways, tasks))
        await db.close()


async def fill() -> None:
    """1,000 posts by Ada in the lobby."""
    ada = await person("ada", "Ada")
    new = await posting.finished(posting.Draft("A post of *ordinary* length, such as people write in a class."))
    await asyncio.gather(*(posting.create(ada, 1, new, None) for _ in range(1_000)))


async def list_posts() -> object:
    async with db.session() as session:
        return [post.view(row) for row in await session.execute(LIST, {"channel": 1})]


async def list_at_once() -> object:
    with db.snapshot() as read:
        return [post.view(row) for row in read.all(LIST, channel=1)]


async def one_user() -> object:
    async with db.session() as session:
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
    ordinary, hot = found.values()
    print(f"{what:42}{ordinary:>10,.0f}{hot:>10,.0f}{hot / ordinary:>8.1f}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
