"""A real SMTP server for tests: it keeps what it gets, and answers as a test wants."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from tests.server import PATIENCE


@dataclass
class Got:
    """A message that was taken."""

    to: str
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)  # type: ignore[return-value]

    @property
    def text(self) -> str:
        return str(self.message.get_body(("plain",)).get_content()).replace("\r\n", "\n")  # type: ignore[union-attr]

    @property
    def html(self) -> str:
        return str(self.message.get_body(("html",)).get_content())  # type: ignore[union-attr]


@dataclass
class Mailbox:
    """What came. `rcpt` and `data` answer instead of the server, where they return something."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    connections: int = 0
    asked: list[str] = field(default_factory=list)  # for whom letters were offered
    rcpt: Callable[[str], str | None] = lambda _to: None
    data: Callable[[str], Any] = lambda _to: None  # a text, or what is awaited for one
    signed_in: int = 0
    open: list[Any] = field(default_factory=list)  # what speaks SMTP over each connection
    server: asyncio.Server = field(init=False)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}/?from=pottle@school.example"

    async def listen(self) -> None:
        """Begins, at the same port as before."""
        loop = asyncio.get_running_loop()
        controller = UnthreadedController(self, loop=loop, authenticator=self.checked, auth_require_tls=False)

        def connected() -> Any:
            self.connections += 1
            made = controller.factory()
            self.open.append(made)
            return made

        self.server = await loop.create_server(connected, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    @asynccontextmanager
    async def gone(self) -> AsyncIterator[None]:
        """Nobody answers meanwhile."""
        self.server.close()
        for one in self.open:
            if one.transport:
                one.transport.abort()
        yield
        await self.listen()

    async def has(self, enough: Callable[[list[Got]], bool] | int) -> list[Got]:
        """Waits until it has so many, or what is wanted."""
        wanted = enough if callable(enough) else lambda got: len(got) >= enough
        async with asyncio.timeout(PATIENCE):
            await self.wait(wanted)
        return self.got

    async def wait(self, wanted: Callable[[list[Got]], bool]) -> None:
        """Waits for as long as it takes."""
        async with self.changed:
            await self.changed.wait_for(lambda: wanted(self.got))

    def checked(self, _server: SMTP, _session: Any, _envelope: Envelope, _kind: str, given: Any) -> AuthResult:
        """Whether a user name and a password are right."""
        right = isinstance(given, LoginPassword) and (given.login, given.password) == (b"pottle", b"s:cr@t")
        self.signed_in += right
        return AuthResult(success=right)

    async def handle_RCPT(self, _s: SMTP, _e: Any, envelope: Envelope, to: str, _options: list[str]) -> str:  # noqa: N802
        self.asked.append(to)
        if said := self.rcpt(to):
            return said
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        (to,), content = envelope.rcpt_tos, envelope.content
        said = self.data(to)
        if asyncio.iscoroutine(said):
            said = await said
        if said:
            return str(said)
        assert isinstance(content, bytes)
        async with self.changed:
            self.got.append(Got(to, content))
            self.changed.notify_all()
        return "250 OK"


@asynccontextmanager
async def receiving() -> AsyncIterator[Mailbox]:
    """A mailbox whose server listens on this machine."""
    box = Mailbox()
    await box.listen()
    try:
        yield box
    finally:
        box.server.close()
