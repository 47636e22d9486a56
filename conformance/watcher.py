"""A watcher of the workload: is told that a list may be another one now, and reads it."""

import asyncio
import random

from conformance.adapters.protocol import Closed, Reader, System, Unknown, Watch
from conformance.clients import Lists
from conformance.history import Disconnected, Recorder, Watching

LONGEST_AWAY = 0.5  # seconds


class Watcher:
    """Watches the lists of all channels, under one name over all its connections."""

    def __init__(self, system: System, recorder: Recorder, name: str, rng: random.Random, lists: Lists) -> None:
        self.system, self.recorder, self.name, self.rng, self.lists = system, recorder, name, rng, lists
        self._watch: Watch | None = None
        self._leaving = False

    async def stay(self, reader: Reader) -> None:
        """Watches until `leave`, again as often as the connection is lost."""
        while not self._leaving:
            try:
                self._watch = await self.system.watch()
                await self._listen(self._watch, reader)
            except (Closed, Unknown) as lost:
                self.recorder.add(Disconnected(self.recorder.now(), self.name, str(lost)))
                if self._watch:
                    await self._watch.drop(politely=False)
            await asyncio.sleep(self.rng.uniform(0.02, LONGEST_AWAY))
        await reader.close()

    async def _listen(self, watch: Watch, reader: Reader) -> None:
        while not self._leaving:
            got = await watch.receive()
            if got.begun:
                self.recorder.add(Watching(self.recorder.now(), self.name, got.channel))
            await self.lists.read(reader, self.name, got.channel)

    async def leave(self) -> None:
        """Ends it for good."""
        self._leaving = True
        if self._watch:
            await self._watch.drop(politely=True)
