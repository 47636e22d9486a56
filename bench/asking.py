"""One HTTP request at a time, for setting up and for looking whether an answer is right."""

import http.client
import json
from dataclasses import dataclass
from typing import Any

PATIENCE = 30  # seconds


@dataclass(frozen=True)
class Reply:
    """What came back; headers as they came, in their order."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


def ask(port: int, method: str, path: str, body: Any = None, **headers: str) -> Reply:
    """Asks 127.0.0.1; `body` is sent as JSON unless it is text. Raises OSError where nobody answers."""
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    if text is not None:
        headers = {"Content-Type": "application/json", **headers}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, text, headers)
        response = connection.getresponse()
        return Reply(response.status, response.getheaders(), response.read())
    except http.client.HTTPException as error:
        raise ConnectionError(f"{method} {path}: {error}") from error
    finally:
        connection.close()


def checked(reply: Reply, what: str) -> Reply:
    """The reply, if it is a success; raises RuntimeError otherwise."""
    if not 200 <= reply.status < 300:
        raise RuntimeError(f"{what}: {reply.status} {reply.body[:300]!r}")
    return reply
