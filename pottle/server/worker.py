"""The worker that gunicorn.conf.py names, and how a reload replaces it: it serves until its successors do.

Only gunicorn may import this: on Windows there is no gunicorn.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import mmap
import signal
import socket
import sys
import threading
import time
from functools import partial
from types import FrameType
from typing import Any, ClassVar

import uvicorn
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from uvicorn_worker import UvicornWorker

from pottle.server import OPTIONS
from pottle.server.descriptors import door

log = logging.getLogger("uvicorn.error")

# New objects from one collection of the youngest to the next; and every how many of them the next older ones go along.
# What a closed websocket leaves is found among the oldest: by Python's own numbers that of 20,000 was kept, 300 MB.
COLLECTING = (10_000, 5, 3)
AGAIN_SECONDS = 3  # until another worker is started for one that could not: the database may be away
CLEAN_UP_SECONDS = 2  # of the grace period, kept for after_serving


class Generations:
    """Memory that gunicorn's master shares with its workers: who is to be replaced, and who serves already.

    Workers are known by the number that gunicorn gives them, 1, 2, 3, …; each writes into a place of its own.
    """

    def __init__(self) -> None:
        self._cells = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("q")

    def replace(self, last: int, workers: int) -> None:
        """All up to `last` are to be replaced, by so many. The master says so."""
        self._cells[0], self._cells[1] = last, workers

    def serves(self, number: int) -> None:
        """Worker `number` has started."""
        self._cells[2 + number % (len(self._cells) - 2)] = number

    @property
    def any(self) -> bool:
        """Whether any worker has ever started."""
        return any(self._cells[2:])

    def needed(self, number: int) -> bool:
        """Whether worker `number` is to be replaced, and too few serve in the old ones' place."""
        last, workers = self._cells[0], self._cells[1]
        return number <= last and sum(served > last for served in self._cells[2:]) < workers


class Server(uvicorn.Server):
    """uvicorn's server in the worker `number`. At a reload it serves on until the new workers do.

    gunicorn's master sends SIGTERM to the old workers as soon as it has started the new ones, and again when it is
    itself asked to stop, or its grace period is over. The second one counts in any case.
    """

    generations: ClassVar[Generations] = Generations()

    def __init__(self, config: uvicorn.Config, number: int) -> None:
        super().__init__(config)
        self.number = number
        self.asked_to_end = 0
        self.staying = False
        self.sockets: list[socket.socket] = []

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        from pottle.server.health import stopping  # not above: the arbiter imports this file, not the application

        self.asked_to_end += 1
        super().handle_exit(sig, frame)
        stopping.asked = not self._stays()

    async def on_tick(self, counter: int) -> bool:
        # uvicorn compares times of day: after a clock was set back, gunicorn would hear nothing and kill the worker.
        self.last_notified = min(self.last_notified, time.time())
        ended = await super().on_tick(counter)
        self._close_if_full()
        if not (ended or self.servers) and self._has_room():
            self.servers = [await self._listen_at(sock) for sock in self.sockets]
        if ended and self._stays() and not self.staying:
            log.info("Serving until the new workers do")
            self.staying = True
        return ended and not self._stays()

    def _stays(self) -> bool:
        return self.asked_to_end == 1 and self.generations.needed(self.number)

    def _close_if_full(self) -> None:
        """A worker whose connections are all at work accepts no more: others may, or clients wait until it has room."""
        if self.servers and not self._has_room():
            self.sockets = [sock.dup() for sock in self.sockets]  # for the servers close theirs
            for server in self.servers:
                server.close()
            self.servers = []

    def _has_room(self) -> bool:
        return door.has_room(self.server_state.connections, asyncio.get_running_loop().time())

    async def _listen_at(self, sock: socket.socket) -> asyncio.Server:
        """As uvicorn does it at the start."""
        config: Any = self.config
        made = partial(config.http_protocol_class, config, self.server_state, self.lifespan.state)
        loop = asyncio.get_running_loop()
        return await loop.create_server(made, sock=sock, ssl=config.ssl, backlog=config.backlog)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.sockets = sockets or []
        await super().startup(sockets)
        door.crowded = self._close_if_full
        # The garbage collector would go through the code's own objects again and again (docs/decisions/short-ways.md).
        gc.collect()
        gc.freeze()
        gc.enable()
        gc.set_threshold(*COLLECTING)
        self.generations.serves(self.number)


class Worker(UvicornWorker):  # type: ignore[misc]  # it has no types
    """uvicorn under gunicorn, with our limits."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"loop": "auto", **OPTIONS}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """uvicorn-worker does not pass the grace period on: a slow request would get us killed uncleanly."""
        super().__init__(*args, **kwargs)
        self.config.timeout_graceful_shutdown = max(1, self.cfg.graceful_timeout - CLEAN_UP_SECONDS)

    def init_process(self) -> None:
        """Of what is imported nothing is garbage: to look for it takes a sixth of a worker's start."""
        gc.disable()
        super().init_process()

    def run(self) -> None:
        """Serves, with our server. gunicorn sends SIGQUIT when it is interrupted, of which uvicorn knows nothing."""
        signal.signal(signal.SIGQUIT, lambda *_: signal.raise_signal(signal.SIGTERM))
        self.config.app = self.wsgi
        server = Server(self.config, self.age)
        threading.Thread(target=self._be_alive_until_started, args=(server,), daemon=True).start()
        try:
            server.run(sockets=self.sockets)
            if not server.started:
                sys.exit(Arbiter.WORKER_BOOT_ERROR)
        except SystemExit as ended:
            if ended.code != Arbiter.WORKER_BOOT_ERROR or not server.generations.any:
                raise
            time.sleep(AGAIN_SECONDS)
            sys.exit(1)  # and another is started; at that error those that serve would end, too

    def _be_alive_until_started(self, server: Server) -> None:
        """A migration, or the wait for one, takes its time: gunicorn ends who says nothing for `timeout` seconds."""
        while not server.started:
            self.notify()
            time.sleep(1)
