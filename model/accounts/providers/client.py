"""How a provider is asked over HTTP: bounded in time and size. Imported by who signs in, for it takes a while.

No redirect is followed: an answer of the provider's leads to no other host, inside our network or out of it.
"""

import ssl
import warnings
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import httpx

from model.accounts.providers.configured import Provider

with warnings.catch_warnings():
    from authlib.deprecate import AuthlibDeprecationWarning  # which has itself always shown

    warnings.simplefilter("ignore", AuthlibDeprecationWarning)  # authlib 1.9 speaks by httpx, and prefers another
    from authlib.integrations.httpx_client import AsyncOAuth2Client

TIMEOUT_SECONDS = 10.0  # for each step
MOST_READ = 512 * 1024  # bytes of an answer
SCOPES = {"github": "read:user user:email"}
PLAIN = {"Accept": "application/json", "Accept-Encoding": "identity"}


@cache
def _trusted() -> ssl.SSLContext:
    """Read once: it takes 20 ms."""
    return ssl.create_default_context()


class _Bounded(httpx.AsyncByteStream):
    """A body, of which no more is read than any good one has."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MOST_READ
        async for part in self._stream:
            if (left := left - len(part)) < 0:
                raise httpx.ReadError("the answer is too large")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bound(answer: httpx.Response) -> None:
    """What is packed could become any size."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise httpx.ReadError("the answer is packed")
    answer.stream = _Bounded(answer.stream)


def client(provider: Provider, redirect: str | None = None, methods: tuple[str, ...] = ()) -> AsyncOAuth2Client:
    """Speaks OAuth 2.0 with PKCE (S256); made for one sign-in. It says who we are by one of `methods`."""
    by_post = "client_secret_basic" not in methods and "client_secret_post" in methods
    return AsyncOAuth2Client(
        provider.id,
        provider.secret,
        token_endpoint_auth_method="client_secret_post" if by_post else "client_secret_basic",
        scope=SCOPES.get(provider.preset or "", "openid profile email"),
        redirect_uri=redirect,
        code_challenge_method="S256",
        headers=PLAIN,
        verify=_trusted(),
        timeout=TIMEOUT_SECONDS,
        follow_redirects=False,
        event_hooks={"response": [_bound]},
    )
