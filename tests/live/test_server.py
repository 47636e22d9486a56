"""gunicorn, its settings and our WebSocket protocol, with the bare ASGI application of bare.py in Pottle's place."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect

from pottle.server import WebSocketProtocol
from tests.server import clean_environment, free_port, wait_until

ROOT = Path(__file__).parents[2]
MIB = 1024 * 1024
SOON = 6.0  # seconds; the grace period here is 9, and a loaded machine is slow


class Running:
    """A gunicorn with one worker, so that every request meets the same one."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
        self.process = process
        self.port = port
        self.folder = folder

    def get(self, path: str = "/", headers: dict[str, str] | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers=headers or {})
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
            return answer
        finally:
            connection.close()

    def socket(self) -> ClientConnection:
        return connect(f"ws://127.0.0.1:{self.port}/echo", close_timeout=5)

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Seconds until the server and its worker are gone."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return time.monotonic() - began

    def ended(self) -> bool:
        return (self.folder / "ended").exists()


def answers(server: Running) -> bool:
    assert server.process.poll() is None, (server.folder / "log").read_text()
    try:
        return bool(server.get())
    except OSError:
        return False


def environment(folder: Path) -> dict[str, str]:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    path = os.pathsep.join(map(str, (folder, Path(__file__).parent, ROOT)))
    told = {"ENDED": str(folder / "ended"), "BEGUN": str(folder / "begun"), "ROOM": str(folder / "room")}
    return clean_environment(home, XDG_RUNTIME_DIR=str(home), PYTHONPATH=path, **told)


def command(folder: Path, *flags: str) -> list[str]:
    return [
        *(sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py")),
        *("--chdir", str(folder), *flags, "bare:app"),
    ]


@contextmanager
def gunicorn(folder: Path, *flags: str) -> Iterator[Running]:
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command(folder, "--workers=1", f"--bind=127.0.0.1:{port}", *flags),
            env=environment(folder),
            stdout=log,
            stderr=log,
        )
    server = Running(process, port, folder)
    try:
        wait_until(lambda: answers(server), "the server")
        yield server
    finally:
        if process.poll() is None:
            server.stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with gunicorn(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all tests that leave it as it was."""
    with gunicorn(tmp_path_factory.mktemp("lasting")) as running:
        yield running


@contextmanager
def reading_nothing(server: Running, path: str) -> Iterator[socket.socket]:
    """A client that opens a WebSocket and never reads from it."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        client.sendall(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n".encode()
        )
        wait_until(lambda: unsent(server) > 0, "a full socket")
        yield client


def unsent(server: Running) -> int:
    number: int = server.get()["unsent"]
    return number


def settings(folder: Path, *flags: str, **more: str) -> dict[str, str]:
    run = subprocess.run(
        command(folder, "--print-config", *flags),
        env={**environment(folder), **more},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split("= ", 1) for line in run.stdout.replace(" = ", "= ").splitlines() if "= " in line)


def test_it_works(server: Running) -> None:
    with server.socket() as client:
        client.send("hello")
        assert client.recv(5) == "hello"
    assert server.stop() < SOON
    assert server.ended()


def test_three_workers_on_8080_unless_told_otherwise(tmp_path: Path) -> None:
    def said(*flags: str, **more: str) -> tuple[str, str]:
        found = {name.strip(): value for name, value in settings(tmp_path, *flags, **more).items()}
        return found["workers"], found["bind"]

    assert said() == ("3", "['0.0.0.0:8080']")
    assert said(WEB_CONCURRENCY="5")[0] == "5"
    assert said(GUNICORN_CMD_ARGS="--workers=2 --bind=127.0.0.1:1234") == ("2", "['127.0.0.1:1234']")
    assert said("--workers=4", GUNICORN_CMD_ARGS="--workers=2")[0] == "4"


def test_it_leaves_nothing_in_the_home_folder(lasting: Running) -> None:
    assert list((lasting.folder / "home").iterdir()) == []


def test_what_a_client_says_of_its_address_is_left_to_the_application(lasting: Running) -> None:
    about = lasting.get(headers={"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"})
    assert (about["client"], about["scheme"]) == ("127.0.0.1", "http")


def test_no_compression_is_negotiated(lasting: Running) -> None:
    with lasting.socket() as client:
        assert client.request is not None
        assert "permessage-deflate" in client.request.headers["Sec-WebSocket-Extensions"]
        assert client.protocol.extensions == []


def test_a_frame_of_16_kib_is_taken(lasting: Running) -> None:
    with lasting.socket() as client:
        client.send("x" * 16 * 1024)
        assert client.recv(5) == "x" * 16 * 1024


@pytest.mark.parametrize("size", [16 * 1024 + 1, 5 * MIB])
def test_a_larger_frame_is_refused_with_1009(lasting: Running, size: int) -> None:
    with lasting.socket() as client:
        with pytest.raises(ConnectionClosed) as closed:
            client.send("x" * size)
            client.recv(5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


def test_a_large_message_in_small_frames_is_refused_with_1009(lasting: Running) -> None:
    with lasting.socket() as client, pytest.raises(ConnectionClosed) as closed:
        client.send("x" * 1024 for _ in range(1024))
        client.recv(5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_empty_fragments_change_nothing(lasting: Running) -> None:
    with lasting.socket() as client:
        client.send(iter(["a", *[""] * 1000, "b"]))
        assert client.recv(5) == "ab"


def test_empty_fragments_are_not_kept() -> None:
    protocol = object.__new__(WebSocketProtocol)
    protocol.frames = [b"a"]
    protocol.handle_cont(Frame(Opcode.CONT, b"", fin=False))
    assert protocol.frames == [b"a"]


def test_everybody_who_listens_hears_of_a_restart(server: Running) -> None:
    with server.socket() as first, server.socket() as second:
        server.process.send_signal(signal.SIGTERM)
        for client in (first, second):
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(5)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012


@pytest.mark.parametrize("path", ["/flood", "/trickle"])
def test_a_client_that_reads_nothing_cannot_hold_up_a_restart(server: Running, path: str) -> None:
    with reading_nothing(server, path):
        assert server.stop() < SOON
    assert server.ended()


def test_a_client_that_closes_and_reads_nothing_cannot_either(server: Running) -> None:
    with reading_nothing(server, "/trickle") as client:
        client.sendall(struct.pack("!BB4s", 0x80 | Opcode.CLOSE, 0x80, bytes(4)))
        assert server.stop() < SOON
    assert server.ended()
    assert "Traceback" not in (server.folder / "log").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/flood", "/trickle"])
def test_with_uvicorns_own_protocol_it_can(tmp_path: Path, path: str) -> None:
    """Shows that the test above tests something."""
    (tmp_path / "plain.py").write_text(
        "from pottle.server.worker import Worker as Ours\n"
        "from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol\n"
        "class Unpaused(WebSocketsSansIOProtocol):\n"
        "    async def run_asgi(self):\n"
        "        self.scope['extensions']['pottle.unsent'] = self.transport.get_write_buffer_size\n"
        "        await super().run_asgi()\n"
        "class Worker(Ours):\n"
        "    CONFIG_KWARGS = {**Ours.CONFIG_KWARGS, 'http': 'httptools', 'ws': Unpaused}\n"
    )
    with gunicorn(tmp_path, "--worker-class=plain.Worker") as plain, reading_nothing(plain, path):
        assert plain.stop() > SOON


def test_the_application_sees_what_is_unsent_and_can_cut_the_client(server: Running) -> None:
    with reading_nothing(server, "/flood") as client:
        wait_until(lambda: unsent(server) > 64 * 1024, "a full buffer")
        assert unsent(server) < 64 * 1024 + 16 * 1024 + 100
        server.get("/cut")
        wait_until(lambda: unsent(server) == 0, "an empty buffer")
        client.settimeout(5)
        with pytest.raises(ConnectionResetError):
            while client.recv(MIB):
                pass


def test_ready_made_frames_go_out_as_long_as_there_is_room_and_again_once_there_is(server: Running) -> None:
    """Fails when `resume_writing` tells nobody."""
    with connect(f"ws://127.0.0.1:{server.port}/push", close_timeout=5, max_queue=1) as client:
        wait_until((server.folder / "begun").exists, "a full socket")
        while (heard := client.recv(5)) == "x" * 0x1000:
            pass
        assert heard == "room"


def test_there_is_room_once_the_client_has_gone_for_nobody_is_to_wait_for_it(server: Running) -> None:
    """Fails when `connection_lost` tells nobody: the application would wait for ever."""
    with socket.socket() as client:
        client.connect(("127.0.0.1", server.port))
        client.sendall(
            b"GET /push HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
        )
        wait_until((server.folder / "begun").exists, "a full socket")
        assert not (server.folder / "room").exists()
    wait_until((server.folder / "room").exists, "room")
    assert "Traceback" not in (server.folder / "log").read_text()


def test_pings_of_a_client_that_reads_nothing_do_not_pile_up(server: Running) -> None:
    with reading_nothing(server, "/flood") as client:
        wait_until(lambda: unsent(server) > 64 * 1024, "a full buffer")
        ping = struct.pack("!BB4s", 0x80 | Opcode.PING, 0x80 | 125, bytes(4)) + bytes(125)
        client.sendall(ping * 20_000)  # 2.6 MB, of which little fits in the buffers on the way
        assert unsent(server) < 128 * 1024


def test_a_request_under_way_is_answered_before_the_end(server: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.putrequest("POST", "/slow")
    connection.putheader("Content-Length", "2")
    connection.endheaders(b"a")
    wait_until((server.folder / "begun").exists, "the request")
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "Waiting for connections to close" in (server.folder / "log").read_text(), "the end to begin")
    connection.send(b"b")
    assert connection.getresponse().status == 200
    connection.close()


def test_an_interrupt_of_the_master_alone_ends_it_cleanly(server: Running) -> None:
    """uvicorn's worker ignores the signal that gunicorn passes on, and would be killed after a while."""
    assert server.stop(signal.SIGINT) < SOON
    assert server.ended()
