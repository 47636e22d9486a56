"""How uvicorn serves for us, in production (worker.py) and in development (pottle/server/development.py)."""

import os
import secrets
from typing import Any

from pottle.server.connection import Connection
from pottle.server.inside import WebSocketProtocol

FRAME_BYTES = 16 * 1024

# Where the development server listens, for links that no request asks for; other servers do not tell.
address = ""

# Which start of the server this is. Workers inherit it, also those that replace others, and the development server's
# processes after a file has changed.
START = os.environ.setdefault("SERVER_START", secrets.token_hex(8))

# For uvicorn.Config. Who the client is, and by which scheme it came, the application finds out for itself
# (POTTLE_TRUSTED_PROXIES), alike on every server. Deflate would cost each connection a buffer of its own.
OPTIONS: dict[str, Any] = {
    "http": Connection,
    "ws": WebSocketProtocol,
    "ws_max_size": FRAME_BYTES,
    "ws_per_message_deflate": False,
    "proxy_headers": False,
    "server_header": False,
}
