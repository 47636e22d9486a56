"""The workload: writers, subscribers and readers against one system, for a bounded time, and the history of it."""

import asyncio
import random
from collections.abc import Coroutine
from contextlib import suppress
from itertools import count
from typing import Any

from conformance.adapters.protocol import LISTS, POSITIONS, REVOCATION, WATCHES, Reader, System, Writer
from conformance.clients import Author, Lists, be_shut_out, join_from_list
from conformance.history import Began, Fault, History, Quiet, Recorder
from conformance.load import Load
from conformance.nemesis import Nemesis
from conformance.pace import News, Pace
from conformance.subscriber import Subscriber
from conformance.watcher import Watcher

PATIENCE = 30.0  # seconds until that has to be so
Work = Coroutine[Any, Any, None]
MOST_SUBSCRIBERS = 30  # opened in the attempt to have one on every worker


class Run:
    """One run of a load against a system that has started."""

    def __init__(self, system: System, channels: list[str], load: Load, nemesis: Nemesis | None = None) -> None:
        self.system, self.channels, self.load, self.nemesis = system, channels, load, nemesis
        self.recorder = Recorder()
        self.rng = random.Random(load.seed)  # noqa: S311 (nothing secret about it)
        self.lists = Lists(self.recorder)
        self.subscribers: list[Subscriber] = []
        self.watchers: list[Watcher] = []
        self._staying: list[asyncio.Task[None]] = []
        self._names = count(1)
        self._written = 0
        self._news = News()
        self._pace = Pace()

    async def history(self) -> History:
        """Does it all and returns what was recorded."""
        offers, workers = tuple(sorted(self.system.offers)), len(self.system.workers())
        self.recorder.add(Began(0, self.system.name, offers, self.load.seed, workers))
        try:
            await self._subscribe_all()
            await self._watch_all()
            await self._work(await self._hired())
            await self._fall_quiet()
            await self._read_all()
        finally:
            await self._leave()
        return self.recorder.events

    async def _subscribe_all(self) -> None:
        """One after the other: so they spread over the workers. More of them, if a worker is known to have none."""
        wanted = self.load.stayers + self.load.droppers
        while len(self.subscribers) < wanted or self._a_worker_is_missing():
            away = 0.0 if len(self.subscribers) < self.load.stayers else 1.0
            one = self._new("stayer" if not away else "dropper", longest_away=away)
            self.subscribers.append(one)
            self._staying.append(asyncio.create_task(one.stay()))
            async with asyncio.timeout(PATIENCE):
                await one.connected.wait()

    async def _watch_all(self) -> None:
        for _ in range(self.load.watchers if WATCHES in self.system.offers else 0):
            name = f"watcher-{next(self._names)}"
            one = Watcher(self.system, self.recorder, name, self._dice(), self.lists)
            self.watchers.append(one)
            self._staying.append(asyncio.create_task(one.stay(await self.system.reader())))

    def _a_worker_is_missing(self) -> bool:
        met = {one.worker for one in self.subscribers}
        return None not in met and len(met) < len(self.system.workers()) and len(self.subscribers) < MOST_SUBSCRIBERS

    def _new(self, role: str, account: object = None, **how: float) -> Subscriber:
        name = f"{role}-{next(self._names)}"
        return Subscriber(self.system, self.recorder, name, self._dice(), account, **how)

    def _dice(self) -> random.Random:
        """Random numbers for one client: what it does must not depend on how the clients take turns."""
        return random.Random(self.rng.random())  # noqa: S311

    async def _hired(self) -> list[Work]:
        """Everybody who is to work at once, ready to begin."""
        hired = [self._write(f"w{number}", await self.system.writer()) for number in range(self.load.writers)]
        if LISTS in self.system.offers:
            hired += [self._read(f"r{number}", await self.system.reader()) for number in range(self.load.readers)]
            quick = [await self.system.reader(quick=True) for _ in range(self.load.chasers)]
            hired += [self._chase(f"c{number}", reader) for number, reader in enumerate(quick)]
        if POSITIONS in self.system.offers:
            hired.append(self._join(await self.system.reader()))
        if REVOCATION in self.system.offers:
            hired.append(self._shut_out())
        if self.nemesis:
            hired.append(self._harm(self.nemesis))
        return [*hired, self._drop()]

    async def _work(self, hired: list[Work]) -> None:
        """Until the time is up or the writes are made."""
        clock = asyncio.create_task(self._pace.end_after(self.load.seconds))
        async with asyncio.TaskGroup() as group:
            for work in hired:
                group.create_task(work)
        clock.cancel()

    async def _write(self, name: str, writer: Writer) -> None:
        rng = self._dice()
        author = Author(self.system, self.recorder, name, rng, writer)

        async def step() -> None:
            self._written += 1
            if self._written >= self.load.writes:
                self._pace.end()
            channel = rng.choice(self.channels)
            await author.write(channel)
            self._news.tell(channel)

        await self._pace.repeat(step, rng, self.load.thinking)
        await writer.close()

    async def _read(self, name: str, reader: Reader) -> None:
        rng = self._dice()

        async def step() -> None:
            await self.lists.read(reader, name, rng.choice(self.channels))

        await self._pace.repeat(step, rng, self.load.thinking)
        await reader.close()

    async def _chase(self, name: str, reader: Reader) -> None:
        async def step() -> None:
            await self.lists.read(reader, name, await self._news.hear(patience=0.5))

        await self._pace.repeat(step, self._dice(), 0)
        await reader.close()

    async def _drop(self) -> None:
        rng = self._dice()
        droppers = self.subscribers[self.load.stayers :]

        async def step() -> None:
            if droppers:
                await rng.choice(droppers).drop(politely=rng.random() < 0.5)

        await self._pace.repeat(step, rng, 1.0 / max(1, len(droppers)))

    async def _join(self, reader: Reader) -> None:
        async def step() -> None:
            await join_from_list(self._new("joiner"), self.lists, reader, self.channels)

        await self._pace.repeat(step, self._dice(), 0.1)
        await reader.close()

    async def _shut_out(self) -> None:
        async def step() -> None:
            await be_shut_out(self._new("outcast", await self.system.account()))

        await self._pace.repeat(step, self._dice(), 0.1)

    async def _harm(self, nemesis: Nemesis) -> None:
        rng = self._dice()

        async def step() -> None:
            since = self.recorder.now()
            what = await nemesis(self.system, rng)
            self.recorder.add(Fault(self.recorder.now(), what, since))

        await asyncio.sleep(min(self.load.between_faults, self.load.seconds / 3))
        await self._pace.repeat(step, rng, self.load.between_faults)

    async def _fall_quiet(self) -> None:
        """Waits until everybody is connected, and then until no news has come for a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*(one.connected.wait() for one in self.subscribers))
        since, deadline = self.recorder.now(), self.recorder.now() + PATIENCE
        last = len(self.recorder.events)
        await asyncio.sleep(self.load.silence)
        while len(self.recorder.events) > last and self.recorder.now() < deadline:
            last = len(self.recorder.events)
            await asyncio.sleep(self.load.silence)
        self.recorder.add(Quiet(self.recorder.now(), since))

    async def _read_all(self) -> None:
        if LISTS not in self.system.offers:
            return
        reader = await self.system.reader()
        for channel in self.channels:
            await self.lists.read(reader, "auditor", channel, everything=True)
        await reader.close()

    async def _leave(self) -> None:
        for one in (*self.subscribers, *self.watchers):
            await one.leave()
        await asyncio.gather(*self._staying)


async def run(system: System, load: Load, nemesis: Nemesis | None = None) -> History:
    """Starts the system, runs the load against it, ends it. Raises NotInstalled."""
    try:
        channels = await system.start(load.channels)
        return await Run(system, channels, load, nemesis).history()
    finally:
        await system.stop()
