"""A websocket as the adapters use it: text in, text out, and one exception for every way it can end."""

import websockets

from conformance.adapters.protocol import Closed

TIMEOUT = 15  # seconds for a handshake; longer than a paused worker's pause


class Websocket:
    """An open websocket."""

    def __init__(self, raw: websockets.ClientConnection) -> None:
        self.raw = raw

    @classmethod
    async def open(cls, url: str) -> "Websocket":
        """Raises Closed when it cannot be opened."""
        try:
            return cls(
                await websockets.connect(url, open_timeout=TIMEOUT, close_timeout=2, compression=None, max_size=None)
            )
        except (OSError, TimeoutError, websockets.WebSocketException) as error:
            raise Closed(f"no handshake: {error!r}") from error

    async def send(self, text: str) -> None:
        """Raises Closed."""
        try:
            await self.raw.send(text)
        except websockets.ConnectionClosed as error:
            raise Closed(_code(error)) from error

    async def receive(self) -> str:
        """The next text. Raises Closed."""
        try:
            got = await self.raw.recv()
        except websockets.ConnectionClosed as error:
            raise Closed(_code(error)) from error
        return got if isinstance(got, str) else got.decode()

    async def drop(self, politely: bool) -> None:
        """Closes it, or resets the connection without a word."""
        if politely:
            await self.raw.close()
        else:
            self.raw.transport.abort()


def _code(error: websockets.ConnectionClosed) -> str:
    return f"close code {error.rcvd.code}" if error.rcvd else "cut off"
