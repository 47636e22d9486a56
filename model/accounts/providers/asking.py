"""Asks a provider: where its pages are (discovery), which keys it signs with, and who somebody is that it sent back.

Its address is the operator's own setting, so it may be inside the own network. No token of it is kept, and none is in a
log.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Never, TypeVar

import msgspec

from model.accounts.providers.configured import Provider, is_safe
from model.accounts.providers.id_token import TENANT, BadToken, Said, UnknownKey, said, signed, verified
from pottle import text
from pottle.errors import Refusal, Unauthenticated
from pottle.translation import _

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import AsyncOAuth2Client

PATIENCE_SECONDS = 20.0  # for all that is asked for one sign-in
KEPT_SECONDS = 3_600  # what discovery and the keys said; a key that is not known is asked for at once
EACH_SECONDS = 10  # at most so often
PAUSE_SECONDS = 5.0  # after it did not answer: all who wait then would wait one after the other

log = logging.getLogger("pottle")


class Unreachable(Refusal):
    """The provider does not answer, or not as it should."""

    status = 502
    title = _("Provider Unreachable")


class Metadata(msgspec.Struct):
    """What discovery says (OpenID Connect Discovery 1.0); of GitHub we know it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str = ""
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _Keys(msgspec.Struct):
    keys: list[dict[str, Any]]


T = TypeVar("T")


class _Kept(Generic[T]):
    """What a worker remembers of what a provider said."""

    def __init__(self) -> None:
        self._said: T | None = None
        self._asked = self._failed = float("-inf")
        self._lock = asyncio.Lock()

    async def get(self, provider: Provider, ask: Callable[[], Awaitable[T]], oldest: float) -> T:
        """What was said not longer than `oldest` seconds ago; what was said before, where it cannot be asked now."""
        async with self._lock:
            if self._said is not None and self._asked > time.monotonic() - oldest:
                return self._said
            if self._failed > time.monotonic() - PAUSE_SECONDS:
                return self._said or _raise(_unreachable(provider))
            try:
                self._said, self._asked = await ask(), time.monotonic()
            except Unreachable:
                self._failed = time.monotonic()
                if self._said is None:
                    raise
            return self._said


def _raise(refusal: Unreachable) -> Never:
    raise refusal


_metadata: dict[Provider, _Kept[Metadata]] = defaultdict(_Kept)
_keys: dict[Provider, _Kept[_Keys]] = defaultdict(_Kept)


async def metadata_of(provider: Provider) -> Metadata:
    """Where a provider's pages are. Raises Unreachable."""
    if provider.preset == "github":
        return _github(provider.issuer.rstrip("/"))
    return await _metadata[provider].get(provider, partial(_discovered, provider), KEPT_SECONDS)


def _github(at: str) -> Metadata:
    """Also of GitHub Enterprise."""
    api = "https://api.github.com" if at == "https://github.com" else f"{at}/api/v3"
    pages, by = f"{at}/login/oauth", ("client_secret_post",)
    return Metadata(at, f"{pages}/authorize", f"{pages}/access_token", "", f"{api}/user", by)


async def _discovered(provider: Provider) -> Metadata:
    issuer = f"{provider.issuer.rstrip('/')}/{provider.tenant}/v2.0" if provider.tenant else provider.issuer
    async with _client(provider) as client:
        found: Metadata = await _got(
            client, provider, f"{issuer.rstrip('/')}/.well-known/openid-configuration", Metadata
        )
    one = TENANT not in found.issuer or provider.preset != "microsoft" or provider.limited
    if one and found.issuer.rstrip("/") != issuer.rstrip("/"):
        raise _failed(provider, f"its issuer is {found.issuer[:200]}")
    needed = found.authorization_endpoint, found.token_endpoint, found.jwks_uri
    if not all(map(is_safe, needed)) or (found.userinfo_endpoint and not is_safe(found.userinfo_endpoint)):
        raise _failed(provider, "not all of its addresses are https")
    return found


async def page_of(provider: Provider, redirect: str, state: str, verifier: str, **more: str) -> str:
    """The provider's page where somebody signs in, who then comes back to `redirect`; `more` is what it is told."""
    metadata = await metadata_of(provider)
    asking = _client(provider, redirect)
    at = metadata.authorization_endpoint
    url, _state = asking.create_authorization_url(at, state=state, code_verifier=verifier, **more)
    return str(url)


async def who(provider: Provider, redirect: str, code: str, verifier: str, nonce: str) -> Said:
    """Who somebody is that the provider sent back with a code. Raises Unauthenticated, Unreachable."""
    metadata = await metadata_of(provider)
    methods = metadata.token_endpoint_auth_methods_supported
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), _client(provider, redirect, methods) as client:
            token = await _token(client, provider, metadata, code, verifier)
            if provider.preset == "github":
                return await _of_github(client, provider, metadata)
            found = await _verified(provider, metadata, token.get("id_token"), nonce)
            if not (found.name and found.email) and metadata.userinfo_endpoint and provider.preset == "openid":
                found = await _more(client, provider, metadata, found)
            return found
    except TimeoutError:
        raise _failed(provider, "it takes too long") from None
    except BadToken as bad:
        raise not_verified(provider, str(bad)) from None


def not_verified(provider: Provider, why: str) -> Unauthenticated:
    """What is said of an answer that is not good; the log says why."""
    log.warning("Signing in with %s failed: %s", provider.name, text.made_one_line(why))
    return Unauthenticated(_("What %(provider)s answered could not be verified.", provider=provider.label))


def _failed(provider: Provider, why: str) -> Unreachable:
    log.warning("%s could not be asked: %s", provider.name, text.made_one_line(why))
    return _unreachable(provider)


def _unreachable(provider: Provider) -> Unreachable:
    return Unreachable(_("%(provider)s could not be reached. Please try again later.", provider=provider.label))


async def _token(
    client: "AsyncOAuth2Client", provider: Provider, metadata: Metadata, code: str, verifier: str
) -> dict[str, Any]:
    """What a code is good for: once, and only for whoever has the verifier (PKCE, RFC 7636)."""
    import httpx
    from authlib.common.errors import AuthlibBaseError

    by = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
    try:
        return dict(await client.fetch_token(metadata.token_endpoint, **by))
    except AuthlibBaseError as error:
        raise BadToken(f"it refused the code: {error.error} {error.description}"[:300]) from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError) as error:
        raise _failed(provider, f"{type(error).__name__} {error}"[:300]) from None


async def _verified(provider: Provider, metadata: Metadata, token: Any, nonce: str) -> Said:
    if not isinstance(token, str):
        raise BadToken("there is no ID token")
    try:
        claims = signed(token, await _keys_of(provider, metadata, KEPT_SECONDS))
    except UnknownKey:
        claims = signed(token, await _keys_of(provider, metadata, EACH_SECONDS))
    return verified(claims, provider, metadata.issuer, nonce, time.time())


async def _keys_of(provider: Provider, metadata: Metadata, oldest: float) -> list[dict[str, Any]]:
    """The keys that it signs with."""

    async def ask() -> _Keys:
        async with _client(provider) as client:
            found: _Keys = await _got(client, provider, metadata.jwks_uri, _Keys)
            return found

    return (await _keys[provider].get(provider, ask, oldest)).keys


async def _more(client: "AsyncOAuth2Client", provider: Provider, metadata: Metadata, found: Said) -> Said:
    """What it says of somebody only if it is asked (OpenID Connect Core 1.0, 5.3)."""
    claims = await _got(client, provider, metadata.userinfo_endpoint, dict[str, Any], by_token=True)
    if claims.get("sub") != found.sub:
        raise BadToken("what it says is of somebody else")
    more = said(claims)
    mail = found if found.email else more
    found = found._replace(email=mail.email, proven=mail.proven, domains=mail.domains)
    return found._replace(name=found.name or more.name, username=found.username or more.username)


class _GithubUser(msgspec.Struct):
    id: int
    login: str
    name: str | None = None


class _GithubAddress(msgspec.Struct):
    email: str
    verified: bool
    primary: bool


async def _of_github(client: "AsyncOAuth2Client", provider: Provider, metadata: Metadata) -> Said:
    """GitHub has no ID tokens for people. Its number for an account stays; its name may change hands."""
    at = metadata.userinfo_endpoint
    own: _GithubUser = await _got(client, provider, at, _GithubUser, by_token=True)
    listed: list[_GithubAddress] = await _got(client, provider, f"{at}/emails", list[_GithubAddress], by_token=True)
    proven = [one for one in listed if one.verified and "@" in one.email]
    first = next((one.email for one in proven if one.primary), "")
    domains = tuple(one.email.rpartition("@")[2].lower() for one in proven)
    return Said(metadata.issuer, str(own.id), own.name or own.login, own.login, first, bool(first), "", domains)


async def _got(client: "AsyncOAuth2Client", provider: Provider, url: str, kind: Any, by_token: bool = False) -> Any:
    """What a GET is answered, as `kind`. Raises Unreachable."""
    import httpx
    from authlib.common.errors import AuthlibBaseError

    try:
        answer = await client.request("GET", url, withhold_token=not by_token)
        if answer.status_code != 200:
            raise _failed(provider, f"{url} answered {answer.status_code}")
        return msgspec.json.decode(answer.content, type=kind)
    except (httpx.HTTPError, httpx.InvalidURL, AuthlibBaseError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _failed(provider, f"{url}: {type(error).__name__} {error}"[:300]) from None


def _client(provider: Provider, redirect: str | None = None, methods: tuple[str, ...] = ()) -> "AsyncOAuth2Client":
    from model.accounts.providers.client import client

    return client(provider, redirect, methods)
