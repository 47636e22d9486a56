"""Posts cross from one worker to all."""

from contextlib import AsyncExitStack

import httpx

from tests.conftest import World
from tests.server import Server, one_on_each_worker


async def test_a_post_arrives_on_every_worker(shared: Server, world: World) -> None:
    async with AsyncExitStack() as stack:
        sockets = await one_on_each_worker(stack, shared)
        for socket in sockets.values():
            assert (await socket.ask(type="subscribe", channel=1))["type"] == "subscribed"
        headers = {"Authorization": f"Bearer {world.tokens['alice']}"}
        async with httpx.AsyncClient(base_url=shared.url, headers=headers) as alice:
            made = (await alice.post("/api/channels/1/posts", json={"body": "to all"})).json()
        for socket in sockets.values():
            change = await socket.receive()
            assert (change["kind"], change["post"]) == ("post.created", made)
