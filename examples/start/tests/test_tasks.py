"""The example resource: the API, the page, and that it is live on every worker."""

from contextlib import AsyncExitStack

import httpx

from tests.conftest import Enter, signed_in
from tests.server import Server, one_on_each_worker


async def test_a_task_is_added_done_and_deleted(enter: Enter) -> None:
    ada, bob = await enter("ada"), await enter("bob")
    made = (await ada.post("/api/tasks", json={"text": "Water the plants"})).json()
    assert (made["by"], made["done"]) == ("Ada", False)
    assert (await bob.patch(f"/api/tasks/{made['id']}", json={"done": True})).json()["done"] is True
    assert [task["done"] for task in (await bob.get("/api/tasks")).json()["tasks"]] == [True]
    assert (await bob.delete(f"/api/tasks/{made['id']}")).status_code == 403
    assert (await ada.delete(f"/api/tasks/{made['id']}")).status_code == 204
    assert (await bob.get("/api/tasks")).json() == {"tasks": []}


async def test_one_signs_in_first(enter: Enter) -> None:
    nobody = await enter("")
    assert (await nobody.post("/api/tasks", json={"text": "Water the plants"})).status_code == 401


async def test_the_page_shows_text_and_never_html(enter: Enter) -> None:
    ada = await enter("ada")
    await ada.post("/api/tasks", json={"text": "<b>bold</b>"})
    page = await ada.get("/", headers={"Accept": "text/html"})
    assert "&lt;b&gt;bold&lt;/b&gt;" in page.text
    assert (await ada.get("/nowhere", headers={"Accept": "text/html"})).status_code == 404
    assert (await ada.get("/docs", headers={"Accept": "text/html"})).status_code == 200


async def test_who_watches_the_list_is_told_on_every_worker(server: Server, stack: AsyncExitStack) -> None:
    ada = await signed_in(await stack.enter_async_context(httpx.AsyncClient(base_url=server.url)), "ada")
    etag = (await ada.get("/api/tasks")).headers["ETag"]
    sockets = await one_on_each_worker(stack, server)
    for socket in sockets.values():
        assert (await socket.ask(type="watch", get="/api/tasks", etag=etag))["type"] == "watching"
    await ada.post("/api/tasks", json={"text": "Water the plants"})
    now = (await ada.get("/api/tasks")).headers["ETag"]
    for socket in sockets.values():
        assert await socket.receive() == {"type": "changed", "get": "/api/tasks", "etag": now}
