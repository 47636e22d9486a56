"""A right that is lost while a request is under way: nothing is committed after the loss was acknowledged (L8)."""

import asyncio
import contextvars
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.accounts import session
from model.accounts.session import identify
from model.groups import group
from pottle.store import db
from tests.api.conftest import Json, dump, posted
from tests.conftest import Person, World

MODERATING: list[tuple[str, str, Json | None]] = [
    ("PATCH", "/api/groups/class", {"name": "Ours"}),
    ("POST", "/api/groups/class/members", {"uid": "charlie"}),
    ("DELETE", "/api/groups/class/members/bob", None),
    ("PATCH", "/api/channels/{channel}", {"locked": True}),
    ("DELETE", "/api/channels/{channel}", None),
    ("PATCH", "/api/posts/{post}", {"state": "removed"}),
    ("DELETE", "/api/posts/{post}", None),
]
TAKING_PART: list[tuple[str, str, Json | None]] = [
    ("POST", "/api/groups/class/channels", {"key": "new"}),
    ("POST", "/api/channels/{channel}/posts", {"body": "Hello"}),
    ("PATCH", "/api/posts/{own}", {"body": "Edited"}),
    ("DELETE", "/api/posts/{own}", None),
    ("PUT", "/api/posts/{post}/reactions/up", None),
]
OWN: list[tuple[str, str, Json | None]] = [
    ("PATCH", "/api/me", {"name": "Still here"}),
    ("POST", "/api/me/tokens", {"name": "x"}),
]


ROOT = session.Identity(0, "", "", None, "admin", None, None, "9999")


@pytest.fixture
async def ids(alice: Person, bob: Person, world: World) -> dict[str, int]:
    """What the paths name: Bob's post, which Alice moderates, and Alice's own."""
    made, own = await posted(bob, channel=world.class_channel), await posted(alice, channel=world.class_channel)
    return {"channel": world.class_channel, "post": made["id"], "own": own["id"]}


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch, instance: Path) -> Callable[..., Any]:
    """`await meanwhile(loss, request)`: the answer to a request, just before whose first write `loss` was committed.

    In life the two come from different workers.
    """

    async def run(loss: Callable[[], Any], request: Callable[[], Any]) -> tuple[Any, bool]:
        write, after = db.write, []

        async def late(unit: Any, *args: Any, **kwargs: Any) -> Any:
            if not after:
                after.append(None)
                await asyncio.create_task(loss(), context=contextvars.Context())
                after[0] = dump(instance)
            return await write(unit, *args, **kwargs)

        monkeypatch.setattr(db, "write", late)
        answer = await request()
        monkeypatch.setattr(db, "write", write)
        return answer, dump(instance) == after[0]

    return run


@pytest.mark.parametrize(("method", "path", "body"), MODERATING, ids=[f"{row[0]} {row[1]}" for row in MODERATING])
@pytest.mark.parametrize("role", ["member", None], ids=["demoted", "put out"])
async def test_a_moderator_no_more(
    alice: Person, ids: dict[str, int], meanwhile: Any, method: str, path: str, body: Json | None, role: Any
) -> None:
    async def lose() -> None:
        if role:
            await group.put_member(ROOT, "class", "alice", role)
        else:
            await group.remove_member(ROOT, "class", "alice")

    answer, unchanged = await meanwhile(lose, lambda: alice.http.request(method, path.format(**ids), json=body))
    assert answer.status_code in (403, 404)
    assert unchanged


@pytest.mark.parametrize(("method", "path", "body"), TAKING_PART, ids=[f"{row[0]} {row[1]}" for row in TAKING_PART])
async def test_a_member_no_more(
    alice: Person, ids: dict[str, int], meanwhile: Any, method: str, path: str, body: Json | None
) -> None:
    async def lose() -> None:
        await group.remove_member(ROOT, "class", "alice")

    answer, unchanged = await meanwhile(lose, lambda: alice.http.request(method, path.format(**ids), json=body))
    assert answer.status_code in (403, 404)
    assert unchanged


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [*MODERATING, *TAKING_PART, *OWN],
    ids=[f"{row[0]} {row[1]}" for row in [*MODERATING, *TAKING_PART, *OWN]],
)
async def test_signed_out(
    alice: Person, ids: dict[str, int], meanwhile: Any, method: str, path: str, body: Json | None
) -> None:
    async def lose() -> None:
        identity = await identify(alice.token)
        assert identity
        await session.end(identity)

    answer, unchanged = await meanwhile(lose, lambda: alice.http.request(method, path.format(**ids), json=body))
    assert answer.status_code == 401
    assert unchanged


@pytest.mark.parametrize(
    ("method", "path", "body"), MODERATING[:4], ids=[f"{row[0]} {row[1]}" for row in MODERATING[:4]]
)
async def test_a_group_no_more(
    alice: Person, ids: dict[str, int], meanwhile: Any, method: str, path: str, body: Json | None
) -> None:
    async def lose() -> None:
        await group.remove(ROOT, "class", None)

    answer, unchanged = await meanwhile(lose, lambda: alice.http.request(method, path.format(**ids), json=body))
    assert answer.status_code == 404
    assert unchanged
