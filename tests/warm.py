"""A process that has imported libraries and our own code, and forks a server whenever a test wants one.

To import them takes a server of three workers most of three seconds. `main` is not imported: each worker makes the
application of its own environment.
"""

import atexit
import gc
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import IO

LIBRARIES = (
    *("argon2", "dotenv", "gunicorn.app.wsgiapp", "gunicorn.arbiter", "gzip", "httptools", "jinja2.ext", "jwt"),
    *("linkify_it", "markdown_it", "nh3", "PIL.ImageOps", "quart_schema", "sqlalchemy.dialects.sqlite.aiosqlite"),
    *("sqlalchemy.ext.asyncio", "structlog.stdlib", "uvicorn", "uvicorn_worker", "wsgiref.simple_server"),
    *("uvicorn.middleware.proxy_headers", "uvicorn.protocols.http.httptools_impl"),
    "uvicorn.protocols.websockets.websockets_sansio_impl",
)
METRICS = "PROMETHEUS_MULTIPROC_DIR"


class Forked:
    """A server, forked: what tests want of subprocess.Popen."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log: IO[bytes]) -> None:
        self._told, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            request = json.dumps([arguments, {**environment}]).encode()
            socket.send_fds(_warm(), [request], [other.fileno(), log.fileno()])
        self.pid = int(self._told.recv(64))
        self.returncode: int | None = None
        self._lock = threading.Lock()

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended."""
        with self._lock:
            if self.returncode is None:
                self._told.settimeout(timeout)
                try:
                    self.returncode = int(self._told.recv(64))
                except (TimeoutError, BlockingIOError):
                    raise subprocess.TimeoutExpired("gunicorn", timeout or 0) from None
                self._told.close()
            return self.returncode

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Asks it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it at once."""
        self.send_signal(signal.SIGKILL)


@cache
def _warm() -> socket.socket:
    """The process is started when it is first needed, and ends with this one."""
    import main

    settings = type(main.app.config["POTTLE"]).__module__
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm", str(its.fileno()), settings, *main.RESOURCES],
            cwd=Path(__file__).parents[1],
            env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            pass_fds=[its.fileno()],
            start_new_session=True,
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _import(folder: str, settings: str, *resources: str) -> None:
    """No garbage is looked for meanwhile, and never among what was imported.

    prometheus_client must find a folder when it is imported. Its numbers move to the server's own with their first use
    after a fork. An application that nobody uses has the rules of all blueprints compiled.
    """
    gc.disable()
    os.environ[METRICS] = folder
    for name in (*LIBRARIES, *(f"api.{name}" for name in resources)):
        import_module(name)

    from pottle.http.application import Application
    from pottle.http.docs import Id
    from tests import compiled

    compiled.once(Path(folder))
    unused = Application("pottle", static_folder=None)
    unused.url_map.converters["id"] = Id
    unused.config["POTTLE"] = import_module(settings).Settings()
    for name in resources:
        unused.register_blueprint(import_module(f"api.{name}").blueprint)
    gc.freeze()
    gc.enable()


class _Forker:
    """Forks servers, and says when they end."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._running: dict[int, socket.socket] = {}

    def serve(self) -> bool:
        """Forks whatever is asked for; True means that this is a forked one."""
        signal.signal(signal.SIGCHLD, self._tell)
        while True:
            request, descriptors, *_ = socket.recv_fds(self._control, 1 << 20, 2)
            if not request:
                return False
            told, log = socket.socket(fileno=descriptors[0]), descriptors[1]
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
            pid = os.fork()
            if not pid:
                self._become(log, *json.loads(request))
                told.close()
                return True
            os.close(log)
            self._running[pid] = told
            told.send(str(pid).encode())
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])

    def _tell(self, _number: int, _frame: FrameType | None) -> None:
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with self._running.pop(pid) as told, suppress(OSError):  # whoever started it may have gone
                told.send(str(os.waitstatus_to_exitcode(status)).encode())

    def _become(self, log: int, arguments: list[str], environment: dict[str, str]) -> None:
        """What a new process would be, begun with these."""
        import pottle.server

        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        for kept in (self._control, *self._running.values()):
            kept.close()
        for number in (1, 2):
            os.dup2(log, number)
        os.close(log)
        os.environ.clear()
        os.environ.update(environment)
        pottle.server.START = os.environ.setdefault("SERVER_START", os.urandom(8).hex())
        sys.argv = arguments


def _run() -> None:
    """Runs gunicorn; its workers, too, come back here. They end as Python does but for taking all modules apart.

    That is half of what a start and a stop would take. What runs at the end is run, and threads are waited for.
    """
    from gunicorn.app.wsgiapp import run

    try:
        run(prog="gunicorn")
    except SystemExit as ended:
        if not isinstance(ended.code, int):
            raise
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended.code)


if __name__ == "__main__":
    temporary = tempfile.mkdtemp()
    _import(temporary, *sys.argv[2:])
    if _Forker(socket.socket(fileno=int(sys.argv[1]))).serve():
        _run()
    else:
        shutil.rmtree(temporary)
