"""uvicorn's WebSocket protocol, mended in one point. What bounds a connection is in pottle/server/connection.py."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Keeps no empty fragments: they count nothing towards the size of a message, and uvicorn keeps every one."""

    def handle_cont(self, event: Frame) -> None:
        """A further fragment of a message."""
        if event.data or event.fin:
            super().handle_cont(event)
