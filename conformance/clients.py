"""The other clients of the workload: who writes, who reads lists, who joins from a list, who is shut out."""

import asyncio
import random
from itertools import count

from conformance.adapters.protocol import REFUSALS, Listed, Position, Reader, Refused, System, Unknown, Writer
from conformance.history import (
    ListRead,
    Recorder,
    Revoked,
    WriteAcknowledged,
    WriteFailed,
    WriteRefused,
    WriteStarted,
)
from conformance.subscriber import Subscriber

PATIENCE = 20  # seconds for which a write is tried again
BAD_IN = 50  # one write in so many is one that must be refused


class Author:
    """Writes posts with unique texts, one after the other."""

    def __init__(self, system: System, recorder: Recorder, name: str, rng: random.Random, writer: Writer) -> None:
        self.system, self.recorder, self.name, self.rng, self.writer = system, recorder, name, rng, writer
        self._numbers = count(1)

    async def write(self, channel: str) -> None:
        """Writes one post; now and then one that has to be refused."""
        marker = f"{self.name}-{next(self._numbers)}"
        self.recorder.add(WriteStarted(self.recorder.now(), marker, channel, self.name))
        bad = REFUSALS in self.system.offers and self.rng.randrange(BAD_IN) == 0
        post = self.writer.write_badly if bad else self._tried_again
        try:
            id_ = await post(channel, marker)
        except Refused as refused:
            self.recorder.add(WriteRefused(self.recorder.now(), marker, str(refused)))
        except Unknown as unknown:
            self.recorder.add(WriteFailed(self.recorder.now(), marker, str(unknown)))
        else:
            self.recorder.add(WriteAcknowledged(self.recorder.now(), marker, id_))

    async def _tried_again(self, channel: str, marker: str) -> str:
        """Posts, again and again with the same key if the writer has keys. Raises Refused, Unknown."""
        deadline = self.recorder.now() + PATIENCE
        doubt = False
        while True:
            try:
                return await self.writer.write(channel, marker)
            except Refused as refused:
                if doubt:  # what was tried before may have been kept
                    raise Unknown(str(refused)) from refused
                raise
            except Unknown:
                doubt = True
                if not self.writer.keyed or self.recorder.now() > deadline:
                    raise
                await asyncio.sleep(self.rng.uniform(0.05, 0.3))


class Lists:
    """Reads lists and numbers them."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._numbers = count(1)

    async def read(self, reader: Reader, name: str, channel: str, everything: bool = False) -> tuple[int, Listed]:
        """Reads one and writes it down. Raises Unknown."""
        number, started = next(self._numbers), self.recorder.now()
        got = await reader.read(channel, everything)
        at = got.position or Position(0)
        read = ListRead(
            self.recorder.now(),
            number,
            started,
            channel,
            tuple(got.posts),
            truncated=got.truncated,
            reader=name,
            seq=at.seq if got.position else None,
            epoch=at.epoch,
        )
        self.recorder.add(read)
        return number, got


async def join_from_list(one: Subscriber, lists: Lists, reader: Reader, channels: list[str]) -> None:
    """Reads each channel's list and, after a while, subscribes at what they showed; listens for a while."""
    after, listed = {}, {}
    for channel in channels:
        number, got = await lists.read(reader, one.name, channel)
        if got.position:
            after[channel], listed[channel] = got.position, number
    await asyncio.sleep(one.rng.uniform(0, 0.3))
    await _for_a_while(one, asyncio.create_task(one.once(after, listed)), one.rng.uniform(0.5, 2))


async def be_shut_out(one: Subscriber) -> None:
    """Subscribes, loses the right to read, and goes on listening. Raises Refused, Unknown."""
    listening = asyncio.create_task(one.once({}))
    try:
        async with asyncio.timeout(PATIENCE):
            await one.connected.wait()
        await asyncio.sleep(one.rng.uniform(0.2, 1))
        how = await one.system.revoke(one.account)
        one.recorder.add(Revoked(one.recorder.now(), one.name, how))
    finally:
        await _for_a_while(one, listening, one.rng.uniform(0.5, 1))


async def _for_a_while(one: Subscriber, listening: "asyncio.Task[None]", seconds: float) -> None:
    await asyncio.wait([listening], timeout=seconds)
    await one.leave()
    await listening
