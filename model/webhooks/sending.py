"""Sends one message: one POST, on a connection of its own, to an address that was judged; no redirect is followed.

h11 speaks HTTP. There is no client library between, for what matters is which address is connected to.
"""

import asyncio
import ssl
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

import h11

from model.webhooks import addresses

TIMEOUT_SECONDS = 15.0  # for all of it
MOST_READ = 64 * 1024  # bytes of an answer
LONGEST_WAIT = 3_600  # seconds that a receiver may ask for (Retry-After)


class Outcome(NamedTuple):
    """What became of an attempt: the status of the answer, or what went wrong before there was one."""

    code: int | None
    trouble: str | None
    wait: float = 0.0  # seconds that the receiver asks for
    body: bytes = b""  # of the answer, as much as was wanted

    @property
    def delivered(self) -> bool:
        """Whether the receiver has it."""
        return self.code is not None and 200 <= self.code < 300


async def send(url: str, headers: dict[str, str], body: bytes, networks: tuple[str, ...], reads: int = 0) -> Outcome:
    """Posts it, and reads so many bytes of what is answered. Never raises for what the receiver does."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await _sent(url, headers, body, networks, reads)
    except TimeoutError:
        return Outcome(None, f"There was no answer within {TIMEOUT_SECONDS:.0f} seconds.")
    except ssl.SSLError as error:
        return Outcome(None, f"TLS: {getattr(error, 'verify_message', '') or error.reason or error}")
    except (OSError, UnicodeError) as error:
        return Outcome(None, f"It could not be reached: {getattr(error, 'strerror', None) or error}.")
    except h11.ProtocolError:
        return Outcome(None, "The answer was no HTTP.")


async def _sent(url: str, headers: dict[str, str], body: bytes, networks: tuple[str, ...], reads: int) -> Outcome:
    parts = urlsplit(url)
    secure, host = parts.scheme == "https", parts.hostname or ""
    port = parts.port or (443 if secure else 80)
    found = addresses.allowed(await addresses.looked_up(host, port), networks, secure)
    if not found:
        why = "is inside the server's network" if secure else "has no https"
        return Outcome(None, f"{host} {why}: nothing is sent there unless the operator allows it.")
    reader, writer = await _connected(found, host, port, secure)
    try:
        return await _asked(reader, writer, parts.netloc, _target(parts.path, parts.query), headers, body, reads)
    finally:
        writer.transport.abort()  # nobody waits for it to be closed in order


def _target(path: str, query: str) -> str:
    return (path or "/") + (f"?{query}" if query else "")


async def _connected(
    found: list[str], host: str, port: int, secure: bool
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To the first of these addresses that answers; the certificate has to be the host's."""
    tls = {"ssl": _trusted(), "server_hostname": host} if secure else {}
    for number, address in enumerate(found, 1):
        try:
            return await asyncio.open_connection(address, port, **tls)  # type: ignore[arg-type]
        except ssl.SSLError:
            raise
        except OSError:
            if number == len(found):
                raise
    raise AssertionError


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _asked(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    host: str,
    target: str,
    headers: dict[str, str],
    body: bytes,
    reads: int,
) -> Outcome:
    http = h11.Connection(h11.CLIENT)
    shown = {"Host": host, "Content-Length": str(len(body)), "Connection": "close", **headers}
    asked = h11.Request(method="POST", target=target, headers=[*shown.items()])
    parts = http.send(asked), http.send(h11.Data(data=body)), http.send(h11.EndOfMessage())
    writer.write(b"".join(part for part in parts if part))
    await writer.drain()
    read, said, outcome = 0, b"", None
    while True:
        event = http.next_event()
        if isinstance(event, h11.Response):
            outcome = _outcome(event)
        if isinstance(event, h11.Data):
            said += event.data
        if outcome and (not reads or len(said) >= reads or isinstance(event, h11.EndOfMessage)):
            return outcome._replace(body=said[:reads])
        if event is h11.NEED_DATA:
            data = await reader.read(MOST_READ)
            read += len(data)
            if not data:
                return Outcome(None, "The connection was closed without an answer.")
            if read > MOST_READ:
                return Outcome(None, "The answer was too large.")
            http.receive_data(data)


def _outcome(answer: h11.Response) -> Outcome:
    """By its status; a body, if there is one, is not waited for."""
    code = answer.status_code
    asked = dict(answer.headers).get(b"retry-after", b"").decode("latin-1")
    wait = min(float(asked), LONGEST_WAIT) if asked.isdigit() and len(asked) < 9 else 0.0
    if 200 <= code < 300:
        return Outcome(code, None)
    if 300 <= code < 400:
        return Outcome(code, "It answered with a redirect, which is not followed.")
    return Outcome(code, f"It answered {code}.", wait)
