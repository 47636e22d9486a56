"""A provider of OpenID Connect for tests, which says and signs what it is told to; of GitHub too, and of Microsoft."""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
from joserfc import jws
from joserfc.jwk import ECKey

from tests.conftest import Person

Json = dict[str, Any]

CLIENT = "pottle"
SECRET = "hush"
TENANT = "11111111-2222-3333-4444-555555555555"
OWN = ECKey.generate_key("P-256", {"kid": "1", "use": "sig"})
OTHERS = ECKey.generate_key("P-256", {"kid": "1", "use": "sig"})
PAGE = {"Accept": "text/html"}


def signed(claims: Json, key: ECKey = OWN, **header: Any) -> str:
    """A token."""
    return jws.serialize_compact({"alg": "ES256", "kid": "1", **header}, json.dumps(claims), key)


@dataclass
class Provider:
    """What it knows of whom it sends back, by their codes, and how it signs."""

    port: int = 0
    keys: list[ECKey] = field(default_factory=lambda: [OWN])
    metadata: Json = field(default_factory=dict)
    token: Callable[[Json], str] = signed  # what an ID token is made of
    userinfo: Json = field(default_factory=dict)
    addresses: list[Json] = field(default_factory=list)  # of GitHub
    answers: dict[str, bytes] = field(default_factory=dict)  # instead of its own, by path
    asked: list[str] = field(default_factory=list)  # paths, in order
    _latest: str = ""  # who was sent back
    _codes: dict[str, tuple[str, str, Json]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Its issuer."""
        return f"http://127.0.0.1:{self.port}"

    def sends_back(self, page: str, claims: Json) -> Json:
        """What somebody brings back from its page, who is signed in there."""
        asked = dict(parse_qsl(urlsplit(page).query))
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        now = int(time.time())
        said = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked.get("nonce"), **claims}
        code, self._latest = secrets.token_urlsafe(8), str(said.get("sub"))
        self._codes[code] = (asked["code_challenge"], asked["redirect_uri"], said)
        return {"code": code, "state": asked["state"]}

    def _token(self, form: dict[str, str], by: str) -> tuple[int, Json]:
        """For each code once, and only to whoever has the verifier and the secret."""
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        assert by == f"Basic {basic}" or form["client_secret"] == SECRET
        challenge, redirect, claims = self._codes.pop(form["code"], ("", "", {}))
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        right = base64.urlsafe_b64encode(digest).decode().rstrip("=") == challenge
        if not right or form["redirect_uri"] != redirect:
            return 400, {"error": "invalid_grant", "error_description": "no such code"}
        return 200, {"access_token": "access", "token_type": "Bearer", "id_token": self.token(claims)}

    def _said(self, path: str, form: dict[str, str], by: str) -> tuple[int, Any]:
        at = self.url
        if path.endswith("/.well-known/openid-configuration"):
            pages = {"authorization_endpoint": f"{at}/authorize", "token_endpoint": f"{at}/token"}
            more = {"jwks_uri": f"{at}/keys", "userinfo_endpoint": f"{at}/userinfo", **self.metadata}
            return 200, {"issuer": at + path.removesuffix("/.well-known/openid-configuration"), **pages, **more}
        if path == "/keys":
            return 200, {"keys": [key.as_dict(private=False) for key in self.keys]}
        if path in ("/token", "/login/oauth/access_token"):
            return self._token(form, by)
        if path.endswith("/emails"):
            return 200, self.addresses
        assert by == "Bearer access"
        return 200, {"sub": self._latest, **self.userinfo}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
            body = (await reader.readexactly(int(headers.get("content-length", "0")))).decode()
            path = urlsplit(head[0].split()[1]).path
            self.asked.append(path)
            if (answer := self.answers.get(path)) is None:
                form = {name: values[0] for name, values in parse_qs(body).items()}
                status, said = self._said(path, form, headers.get("authorization", ""))
                raw = json.dumps(said).encode()
                answer = f"HTTP/1.1 {status} So\r\nContent-Type: application/json\r\n".encode()
                answer += f"Content-Length: {len(raw)}\r\nConnection: close\r\n\r\n".encode() + raw
            writer.write(answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def providing() -> AsyncIterator[Provider]:
    """A provider on a port of its own."""
    made = Provider()
    serving = await asyncio.start_server(made._serve, "127.0.0.1", 0)
    made.port = serving.sockets[0].getsockname()[1]
    async with serving:
        yield made


async def leaves(person: Person, name: str, **query: str) -> httpx.Response:
    """The way to the provider, by the link."""
    return await person.get(f"/account/with/{name}", params=query, headers=PAGE)


async def comes_back(person: Person, name: str, answer: Json) -> httpx.Response:
    """The way back."""
    return await person.get(f"/account/with/{name}/back", params=answer, headers=PAGE)


async def signs_in(person: Person, there: Provider, name: str = "school", claims: Json | None = None) -> httpx.Response:
    """There and back."""
    left = await leaves(person, name)
    assert left.status_code == 303, left.text
    answer = there.sends_back(left.headers["Location"], {"sub": "1", **(claims or {})})
    return await comes_back(person, name, answer)
