"""Rows for tests, made as people would make them: `ann = await make.user()`, `await make.post(by=ann)`.

What a test does not say is some good value, another one each time. Everything is given back as the API gives it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any

from model.accounts import account, user

if TYPE_CHECKING:
    from tests.conftest import Person

PASSWORD = "correct horse"
ADDRESS = "127.0.0.1"


class Make:
    """Makes rows in the database of a test's application."""

    def __init__(self, person: Callable[..., Person]) -> None:
        self._person = person
        self._numbers = count(1)

    async def user(self, uid: str = "", *, name: str = "", role: user.Role = "user") -> Person:
        """An account, signed in."""
        uid = uid or f"user{next(self._numbers)}"
        await user.create(uid, name or uid.title(), PASSWORD, role=role)
        token = (await account.sign_in(uid, PASSWORD, ADDRESS)).token
        made = self._person("", Authorization=f"Bearer {token}")
        made.uid, made.token = uid, token
        return made

    async def group(self, slug: str = "", *, members: tuple[Person, ...] = (), **rules: Any) -> dict[str, Any]:
        """A group with these rules (`reading="members"`), which these people belong to."""
        slug = slug or f"group{next(self._numbers)}"
        made = await self._made("root", "/api/groups", {"slug": slug, "name": slug.title(), **rules})
        for member in members:
            await self._made("root", f"/api/groups/{slug}/members", {"uid": member.uid, "role": "member"})
        return made

    async def channel(self, group: str = "home", *, by: Person | None = None, **fields: Any) -> dict[str, Any]:
        """A channel of a group, by default the public one."""
        key = f"room{next(self._numbers)}"
        return await self._made(by or "root", f"/api/groups/{group}/channels", {"key": key, **fields})

    async def post(
        self, body: str = "Hello", *, channel: int = 1, by: Person | None = None, **fields: Any
    ) -> dict[str, Any]:
        """A post in a channel, by default Alice's in the lobby."""
        return await self._made(by or "alice", f"/api/channels/{channel}/posts", {"body": body, **fields})

    async def _made(self, by: Person | str, path: str, fields: dict[str, Any]) -> dict[str, Any]:
        person = self._person(by) if isinstance(by, str) else by
        answer = await person.post(path, fields)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made
