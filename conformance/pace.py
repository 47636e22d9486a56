"""When the workload's clients do something: again and again until it is over, or on hearing of news."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from conformance.adapters.protocol import Refused, Unknown

Step = Callable[[], Awaitable[None]]


class Pace:
    """Time that ends, for everybody at once."""

    def __init__(self) -> None:
        self._over = asyncio.Event()

    def end(self) -> None:
        """It is over."""
        self._over.set()

    async def end_after(self, seconds: float) -> None:
        """It will be over."""
        await asyncio.sleep(seconds)
        self.end()

    async def repeat(self, step: Step, rng: random.Random, pause: float) -> None:
        """Until it is over; what the system does not answer is tried again. Between two steps, `pause` on average."""
        while not self._over.is_set():
            with suppress(Unknown, Refused, TimeoutError):
                await step()
            with suppress(TimeoutError):
                async with asyncio.timeout(rng.uniform(0, 2 * pause)):
                    await self._over.wait()


class News:
    """The channel that was written to last."""

    def __init__(self) -> None:
        self._next: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def tell(self, channel: str) -> None:
        """Wakes everybody who waits."""
        self._next.set_result(channel)
        self._next = asyncio.get_running_loop().create_future()

    async def hear(self, patience: float) -> str:
        """The channel of the next write that is answered. Raises TimeoutError after `patience` seconds."""
        async with asyncio.timeout(patience):
            return await asyncio.shield(self._next)
