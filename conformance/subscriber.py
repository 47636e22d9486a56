"""A subscriber of the workload: connects, writes down what it is told, and resumes where it was."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any

from conformance.adapters.protocol import RESUME, Closed, Connection, Joined, Position, System, Told
from conformance.history import Delivered, Disconnected, Recorder, Subscribed

NAPS_IN = 400  # one message in so many makes it stop reading for a while, so that the server has to hold back
LONGEST_NAP = 1.0  # seconds


class Subscriber:
    """One subscriber of every channel, known by one name over all its connections."""

    def __init__(
        self, system: System, recorder: Recorder, name: str, rng: random.Random, account: Any = None, **how: float
    ) -> None:
        self.system, self.recorder, self.name, self.rng, self.account = system, recorder, name, rng, account
        self.longest_away = how.get("longest_away", 0.0)
        self.worker: int | None = None
        self.connected = asyncio.Event()
        self._positions: dict[str, Position] = {}
        self._asked: dict[str, Position] = {}
        self._listed: dict[str, int] = {}
        self._connection: Connection | None = None
        self._leaving = False

    async def stay(self) -> None:
        """Stays subscribed until `leave`, resuming as often as the connection is lost."""
        while not self._leaving:
            await self.once(self._positions if RESUME in self.system.offers else {})
            if not self._leaving:
                await asyncio.sleep(self.rng.uniform(0.02, 0.1 + self.longest_away))

    async def once(self, after: Mapping[str, Position], listed: Mapping[str, int] | None = None) -> None:
        """Connects, and listens until the connection ends. `listed`: the number of the list each position is from."""
        self._asked, self._listed = dict(after), dict(listed or {})
        try:
            self._connection = await self.system.connect(self._asked, self.account)
        except Closed:
            return
        try:
            await self._listen(self._connection)
        except Closed as closed:
            self.connected.clear()
            self.recorder.add(Disconnected(self.recorder.now(), self.name, str(closed)))
            await self._connection.drop(politely=False)

    async def _listen(self, connection: Connection) -> None:
        while True:
            if self._leaving:
                await connection.drop(politely=True)
            got = await connection.receive()
            if isinstance(got, Joined):
                self._join(got)
            else:
                await self._hear(got)

    def _join(self, got: Joined) -> None:
        asked = self._asked.get(got.channel)
        at = got.position or Position(0)
        self.recorder.add(
            Subscribed(
                self.recorder.now(),
                self.name,
                got.channel,
                seq=at.seq if got.position else None,
                epoch=at.epoch,
                after=asked.seq if asked else None,
                recovered=got.recovered,
                listed=self._listed.get(got.channel),
                worker=got.worker,
            )
        )
        if got.position:
            self._positions[got.channel] = asked if asked and got.recovered else got.position
        self.worker = got.worker
        self.connected.set()

    async def _hear(self, got: Told) -> None:
        told = Delivered(
            self.recorder.now(), self.name, got.channel, got.marker, got.kind, got.id, seq=got.seq, prev=got.prev
        )
        self.recorder.add(told)
        if got.seq is not None and got.channel in self._positions:
            self._positions[got.channel] = Position(got.seq, self._positions[got.channel].epoch)
        if self.rng.randrange(NAPS_IN) == 0:
            await asyncio.sleep(self.rng.uniform(0, LONGEST_NAP))

    async def drop(self, politely: bool) -> None:
        """Loses the connection, if there is one."""
        if self._connection and self.connected.is_set():
            await self._connection.drop(politely)

    async def leave(self) -> None:
        """Ends it for good."""
        self._leaving = True
        if self._connection:
            await self._connection.drop(politely=True)
