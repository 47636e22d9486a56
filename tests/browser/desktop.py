"""A desktop for Chromium, as far as notifications go: what it shows, and a click on it, over a D-Bus of its own."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from jeepney import DBusAddress, HeaderFields, Message, MessageType, message_bus, new_method_return, new_signal
from jeepney.io.asyncio import DBusConnection, open_dbus_connection

from tests.conftest import needs
from tests.server import PATIENCE

NAME = "org.freedesktop.Notifications"  # https://specifications.freedesktop.org/notification-spec/
PLACE = DBusAddress("/org/freedesktop/Notifications", interface=NAME)


@dataclass(frozen=True)
class Shown:
    """A notification."""

    id: int
    title: str
    body: str


@dataclass
class Desktop:
    """`shown` has every notification that there was."""

    address: str
    bus: DBusConnection
    shown: list[Shown] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def has(self, many: int) -> Shown:
        """The newest, once there were so many."""
        async with asyncio.timeout(PATIENCE), self.changed:
            await self.changed.wait_for(lambda: len(self.shown) >= many)
        return self.shown[-1]

    async def click(self, shown: Shown) -> None:
        """As a person does."""
        await self.bus.send(new_signal(PLACE, "ActionInvoked", "us", (shown.id, "default")))

    async def serve(self) -> None:
        """Answers what Chromium asks."""
        while True:
            message = await self.bus.receive()
            if message.header.message_type != MessageType.method_call:
                continue
            async with self.changed:
                signature, body = self._answer(message.header.fields.get(HeaderFields.member), message)
                self.changed.notify_all()
            await self.bus.send(new_method_return(message, signature, body))

    def _answer(self, member: Any, message: Message) -> tuple[str | None, tuple[Any, ...]]:
        if member == "GetCapabilities":
            return "as", (["actions", "body", "persistence"],)
        if member == "GetServerInformation":
            return "ssss", ("Desktop", "Pottle", "1", "1.2")
        if member == "Notify":
            _application, _replaced, _icon, title, body, *_more = message.body
            self.shown.append(Shown(len(self.shown) + 1, title, body))
            return "u", (len(self.shown),)
        return None, ()


@asynccontextmanager
async def desktop() -> AsyncIterator[Desktop]:
    """One that shows notifications to whatever browser is told its `address` as DBUS_SESSION_BUS_ADDRESS."""
    needs("dbus-daemon")
    command = ("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1")
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout
        address = (await process.stdout.readline()).decode().strip()
        async with await open_dbus_connection(address) as bus:
            await bus.send(message_bus.RequestName(NAME))
            made = Desktop(address, bus)
            serving = asyncio.create_task(made.serve())
            yield made
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
    finally:
        process.terminate()
        await process.wait()
