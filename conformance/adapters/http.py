"""HTTP as the adapters use it: JSON in, JSON out, and an exception for each kind of failure."""

from typing import Any

import httpx

from conformance.adapters.protocol import Refused, Unknown

TIMEOUT = 15  # seconds without an answer


class Http:
    """A client of one server. Without `keep_alive` every request opens a connection of its own."""

    def __init__(self, url: str, keep_alive: bool = True) -> None:
        self.url = url
        limits = httpx.Limits(max_keepalive_connections=None if keep_alive else 0)
        self.client = httpx.AsyncClient(base_url=url, timeout=TIMEOUT, limits=limits, trust_env=False)

    async def call(self, method: str, path: str, token: str = "", **request: Any) -> Any:
        """The answer's JSON, None if it is empty. Raises Refused for a 4xx, Unknown for a 5xx or no answer."""
        headers = dict(request.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            answer = await self.client.request(method, path, headers=headers, **request)
        except (httpx.HTTPError, OSError) as error:
            raise Unknown(repr(error)) from error
        if answer.status_code >= 400:
            raise (Unknown if answer.status_code >= 500 else Refused)(f"{answer.status_code} {answer.text[:200]}")
        return answer.json() if answer.content else None

    async def close(self) -> None:
        """Closes its connections."""
        await self.client.aclose()
