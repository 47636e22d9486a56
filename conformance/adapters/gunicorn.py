"""What the systems that gunicorn serves have in common: their folder, their process tree, their death and return."""

import asyncio
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from conformance.serving import PATIENCE, Server, free_port

WORKERS = 3
STARTED = "Application startup complete."  # uvicorn's word for it, logged with the worker's id


class UnderGunicorn:
    """gunicorn on a free port, its data in a temporary folder."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="conformance-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    async def serve(self, app: str, folder: Path, *flags: str, **settings: str) -> None:
        """Starts `app`, found in `folder`, with WORKERS workers."""
        bind = ("--bind", f"127.0.0.1:{self.port}", "--workers", str(WORKERS))
        command = [sys.executable, "-m", "gunicorn", app, *bind, *flags]
        self.server = Server(command, self.port, folder, self.home / "log", **settings)
        await self.server.start()
        await self.ready()

    async def stop(self) -> None:
        """Ends it and deletes its data."""
        if hasattr(self, "server"):
            await self.server.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    async def restart(self) -> None:
        """Kills every process at once and starts again on the same data."""
        await self.server.kill()
        await self.server.start()
        await self.ready()

    async def ready(self) -> None:
        """Waits until each worker has said in the log that it serves: the first one up would get every connection."""
        await all_serve(self.server)

    def master(self) -> int:
        """gunicorn's arbiter."""
        return self.server.master()

    def workers(self) -> list[int]:
        """Its workers."""
        return self.server.children()


async def all_serve(server: Server) -> None:
    """Waits until each of a server's workers has said that it serves."""
    deadline = time.monotonic() + PATIENCE
    while True:
        workers = server.children()
        said = [line for line in server.output().splitlines() if STARTED in line]
        if len(workers) == WORKERS and all(any(re.search(rf"\b{pid}\b", line) for line in said) for pid in workers):
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"after {PATIENCE} s not all workers serve:\n{server.output()[-5_000:]}")
        await asyncio.sleep(0.05)
