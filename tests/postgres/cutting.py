"""A TCP proxy before PostgreSQL, which loses a connection at the COMMIT of a transaction that has a certain text."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

COMMIT = b"COMMIT\0"  # in a question, and in the answer to it
SYNC = b"S\0\0\0\4"  # "answer what you have been sent"
AT_ONCE = 65_536  # bytes


class Connection:
    """Between a client and the cluster."""

    def __init__(
        self,
        near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._asks, self._client = near
        self._answers, self._cluster = far
        self._back = asyncio.create_task(self._pass_back())

    async def run(self, proxy: "Proxy") -> None:
        """Passes all on, until one of both goes, or until the COMMIT has come that is to be lost."""
        marked = False
        while data := await self._asks.read(AT_ONCE):
            marked = marked or proxy.mark in data
            if marked and COMMIT in data:
                proxy.cuts += 1
                self._back.cancel()
                await asyncio.wait([self._back])
                await proxy.cut(self, data)
                return
            self._cluster.write(data)

    def lose(self) -> None:
        """For the client the connection is gone."""
        self._client.transport.abort()

    async def commit(self, asked: bytes) -> None:
        """Passes the COMMIT on, and keeps the answer, for which PostgreSQL is asked here."""
        self._cluster.write(asked + SYNC)
        await self._answers.readuntil(COMMIT)

    def close(self) -> None:
        """Ends both sides."""
        self._back.cancel()
        self.lose()
        self._cluster.transport.abort()

    async def _pass_back(self) -> None:
        with suppress(OSError):
            while data := await self._answers.read(AT_ONCE):
                self._client.write(data)
        self._client.close()


Cut = Callable[[Connection, bytes], Awaitable[None]]


class Proxy:
    """`async with Proxy(cluster_socket) as proxy:` listens at `proxy.port`; `lose` says what is to be lost next."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self.mark, self.cut = b"no text has this", before_it
        self._serving: set[Any] = set()
        self.cuts = 0  # how often it was done

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await asyncio.sleep(0)  # in which the sockets are closed

    def lose(self, mark: str, cut: Cut) -> None:
        """Has the transaction in which `mark` is written meet `cut`."""
        self.mark, self.cut = mark.encode(), cut

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.add(asyncio.current_task())
        try:
            connection = Connection((reader, writer), await asyncio.open_unix_connection(self._socket))
        except OSError:  # it is not running
            writer.transport.abort()
            return
        try:
            await connection.run(self)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            connection.close()


async def after_it(connection: Connection, asked: bytes) -> None:
    """The transaction is committed, and the answer is lost."""
    await connection.commit(asked)


async def before_it(_connection: Connection, _asked: bytes) -> None:
    """The COMMIT is lost."""


async def while_it_is_on_its_way(connection: Connection, asked: bytes) -> None:
    """The client has long lost its connection when the transaction is committed."""
    connection.lose()
    await asyncio.sleep(1)
    await connection.commit(asked)
