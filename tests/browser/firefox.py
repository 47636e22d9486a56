"""Firefox for tests, by WebDriver BiDi (w3.org/TR/webdriver-bidi), which it speaks itself."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import websockets

from tests.conftest import cannot_run
from tests.server import PATIENCE

LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")


class Firefox:
    """A running Firefox; its tabs and windows are contexts, named by ids."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket, self.numbers = socket, count(1)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self.numbers)
        await self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        async with asyncio.timeout(PATIENCE):
            while (told := json.loads(await self.socket.recv())).get("id") != number:
                """An event, or an answer that came too late."""
        assert told["type"] == "success", told
        return dict(told["result"])

    async def windows(self) -> list[str]:
        """Those that have come to a page."""
        tree = await self.call("browsingContext.getTree")
        return [one["context"] for one in tree["contexts"] if one["url"] != "about:blank"]

    async def opened(self, url: str) -> "Window":
        """Its first tab, with that page in it."""
        tree = await self.call("browsingContext.getTree")
        window = Window(self, tree["contexts"][0]["context"])
        await self.call("browsingContext.navigate", context=window.context, url=url, wait="complete")
        return window

    async def popup(self) -> "Window":
        """The window that a page has opened."""
        async with asyncio.timeout(PATIENCE):
            while len(found := await self.windows()) < 2:
                await asyncio.sleep(0.05)
        return Window(self, found[1])


class Window:
    """A tab or a window, and who sits before it."""

    def __init__(self, firefox: Firefox, context: str) -> None:
        self.firefox, self.context = firefox, context

    async def evaluate(self, expression: str) -> Any:
        """What a (promise of a) string, number or truth value comes to."""
        told = await self.firefox.call(
            "script.evaluate", target={"context": self.context}, expression=expression, awaitPromise=True
        )
        assert told["type"] == "success", told
        return told["result"].get("value")

    async def until(self, expression: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await self.evaluate(expression):
                await asyncio.sleep(0.05)

    async def click(self, element: str) -> None:
        """With the mouse, where the element is."""
        where = await self.firefox.call(
            "script.evaluate", target={"context": self.context}, expression=element, awaitPromise=False
        )
        shared = {"sharedId": where["result"]["sharedId"]}
        origin = {"type": "element", "element": shared}
        steps: list[dict[str, Any]] = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "actions": steps}
        await self.firefox.call("input.performActions", context=self.context, actions=[mouse])

    async def type(self, text: str) -> None:
        """On the keyboard, into what has the focus."""
        steps = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        keyboard = {"type": "key", "id": "keyboard", "actions": steps}
        await self.firefox.call("input.performActions", context=self.context, actions=[keyboard])


@asynccontextmanager
async def firefox(profile: Path, **settings: Any) -> AsyncIterator[Firefox]:
    """A Firefox with a profile of those preferences; skips the test where there is none."""
    program = shutil.which("firefox-esr") or shutil.which("firefox") or cannot_run("there is no Firefox")
    profile.mkdir()
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in settings.items()]
    (profile / "user.js").write_text("".join(lines))
    arguments = ["--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
    with (profile / "said").open("w") as said:
        process = await asyncio.create_subprocess_exec(program, *arguments, stdout=said, stderr=said)
    try:
        async with asyncio.timeout(PATIENCE):
            while not (found := LISTENS.search((profile / "said").read_text())):
                await asyncio.sleep(0.05)
        async with websockets.connect(f"{found[1]}/session", max_size=None) as socket:
            running = Firefox(socket)
            await running.call("session.new", capabilities={})
            try:
                yield running
            finally:
                await running.call("browser.close")
    finally:
        try:
            await asyncio.wait_for(process.wait(), PATIENCE)
        except TimeoutError:
            process.kill()
            await process.wait()
