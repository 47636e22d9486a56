"""The development server, `python main.py`: to run, test and debug on your own machine.

A supervisor holds the socket and runs the application in a child process, a new one whenever a source file changes;
requests in between wait, and debuggers follow. (Quart's reloader replaces its own process, and breakpoints are lost.)
"""

from __future__ import annotations

import argparse
import errno
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path
from socket import AF_INET, AF_INET6

from uvicorn import Config, Server
from uvicorn.supervisors.basereload import BaseReload

from pottle import VERSION, server
from pottle.server import OPTIONS

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("api", "model", "pottle", "templates", "static")
IGNORED = {"__pycache__", "migrations"}  # starting writes new files there
GRACE_SECONDS = 3  # for requests under way when a file changes


def serve(argv: list[str] | None = None) -> None:
    """Serve `main:app` as the command line `argv` says (default: this process's own), until interrupted."""
    options = _options(argv)
    listener = _listener(options.host, options.port)
    print(f"Pottle is at http://{_address(listener)} (Ctrl-C to quit)", flush=True)
    # How it logs, main.py has said.
    config = Config("main:app", timeout_graceful_shutdown=GRACE_SECONDS, log_config=None, **OPTIONS)
    if options.reload:
        Reloader(config, partial(_run, config), [listener]).run()
    else:
        with suppress(KeyboardInterrupt):
            _run(config, [listener])


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python main.py", description="Pottle's development server.")
    parser.add_argument("--version", action="version", version=f"Pottle {VERSION}")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8080, help="default: 8080")
    parser.add_argument("--no-reload", dest="reload", action="store_false", help="one process; stays as it is")
    return parser.parse_args(argv)


def _listener(host: str, port: int) -> socket.socket:
    """A socket at which connections already wait. Exits with one helpful line where there can be none."""
    try:
        return socket.create_server((host, port), family=AF_INET6 if ":" in host else AF_INET, backlog=2048)
    except (OSError, OverflowError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise SystemExit(
                f"Port {port} is taken. Try: python main.py --port {port + 1 if port < 65535 else 8080}"
            ) from None
        raise SystemExit(f"Cannot listen on {host} port {port}: {error}") from None


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _run(config: Config, sockets: list[socket.socket] | None) -> None:
    if sockets:
        server.address = f"http://{_address(sockets[0])}"
    # main.py already runs, as __main__: imported once more as main it would make a second application.
    if hasattr(sys.modules["__main__"], "app"):
        sys.modules.setdefault("main", sys.modules["__main__"])
    if supervisor := multiprocessing.parent_process():
        threading.Thread(target=_end_with, args=(supervisor,), daemon=True).start()
    Server(config).run(sockets=sockets)


def _end_with(supervisor: multiprocessing.process.BaseProcess) -> None:
    """A killed supervisor cannot stop its child, which would keep the port."""
    supervisor.join()
    os.kill(os.getpid(), signal.SIGTERM)


class Reloader(BaseReload):
    """uvicorn's supervisor, looking at our folders alone. uvicorn's own ways to look notice neither new files nor
    templates, or need another dependency; werkzeug's reloader runs the server in a thread, and ends it at a mistake."""

    def startup(self) -> None:
        self.reloader_name = "Reloader"
        self.seen = _sources()
        with _interrupts_held():
            super().startup()

    def restart(self) -> None:
        with _interrupts_held():
            super().restart()

    def should_restart(self) -> list[Path] | None:
        self.pause()
        before, self.seen = self.seen, _sources()
        return sorted({Path(path) for path, _ in before.items() ^ self.seen.items()})


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """A child started meanwhile never sees Ctrl-C, which the supervisor turns into SIGTERM: in the middle of its
    imports it would answer with a traceback."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # multiprocessing would start it with the child, and let SIGINT in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _sources() -> dict[str, int]:
    """When each file was changed that the application is made of, in nanoseconds. It is looked four times a second."""
    top = ((path, changed) for path, changed in _in(ROOT, below=False) if path.endswith(".py"))
    return dict([*top, *(found for folder in FOLDERS for found in _in(ROOT / folder))])


def _in(folder: Path | str, below: bool = True) -> Iterator[tuple[str, int]]:
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in IGNORED or entry.name.startswith("."):
                continue
            with suppress(OSError):  # gone, or an editor's lock
                if entry.is_file():
                    yield entry.path, entry.stat().st_mtime_ns
                elif below and entry.is_dir(follow_symlinks=False):
                    yield from _in(entry.path)
