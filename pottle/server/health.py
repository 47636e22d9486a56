"""`/healthz` and `/readyz`: for whoever operates Pottle."""

import logging
import signal
import threading
from types import FrameType

import msgspec
from quart import Blueprint, Response

from pottle import VERSION
from pottle.http.answers import gives
from pottle.http.asking import anyone
from pottle.http.problems import problem
from pottle.store import db

log = logging.getLogger("pottle")

blueprint = Blueprint("health", __name__)


_trouble: str | None = None  # when somebody asked the last time


class Health(msgspec.Struct):
    """In order."""

    status: str = "ok"


class Alive(Health):
    """In order, and which code runs."""

    code: str = msgspec.field(default=VERSION, name="version")  # `version` would be its ETag's


class Stopping:
    """Whether this process was asked to end, whichever server runs it."""

    def __init__(self) -> None:
        self.asked = False
        self._watching = False

    def watch(self) -> None:
        """Once the server has its own handler for SIGTERM, which goes on doing its work."""
        self.asked = False
        self._watching = threading.current_thread() is threading.main_thread()
        if self._watching:
            self._theirs = signal.signal(signal.SIGTERM, self._ask)

    def leave(self) -> None:
        """The server's handler is again the only one."""
        if self._watching:
            signal.signal(signal.SIGTERM, self._theirs)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        if callable(self._theirs):
            self._theirs(number, frame)
        else:
            self.leave()
            signal.raise_signal(number)


stopping = Stopping()


@blueprint.get("/healthz")
@anyone
@gives(Alive)
async def alive() -> Alive:
    """Whether the process answers."""
    return Alive()


@blueprint.get("/readyz")
@anyone
@gives(Health)
async def ready() -> Health | Response:
    """Whether this worker can serve: it was not told to end, and its database and its writer are well."""
    global _trouble
    trouble = "The server is stopping." if stopping.asked else await db.trouble()
    if trouble != _trouble:
        log.warning("Not ready: %s", trouble) if trouble else log.warning("Ready again")
    _trouble = trouble
    return problem(503, trouble, {"Retry-After": "1"}) if trouble else Health()
