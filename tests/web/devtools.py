"""Chromium over its DevTools protocol alone, as people have it: Playwright keeps its pages visible, and thawed."""

import asyncio
import json
import shutil
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.web.conftest import FLAGS


class Chromium:
    """A running browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = count(1)

    @classmethod
    @asynccontextmanager
    async def running(cls, folder: Path) -> AsyncIterator["Chromium"]:
        """A browser whose profile is in a folder."""
        program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        assert program, "These tests need Chromium: `apt-get install -y chromium`, or `make test` as root."
        options = ("--headless=new", "--remote-debugging-port=0", f"--user-data-dir={folder}", *FLAGS)
        process = await asyncio.create_subprocess_exec(program, *options, "about:blank", stdout=DEVNULL, stderr=DEVNULL)
        try:
            port, path = await _address(folder / "DevToolsActivePort")
            async with connect(f"ws://127.0.0.1:{port}{path}", max_size=None) as connection:
                yield cls(connection)
        finally:
            process.terminate()
            await process.wait()

    async def call(self, method: str, session: str | None = None, **parameters: object) -> Any:
        """What a method returns; what the browser says meanwhile is passed over."""
        number = next(self._numbers)
        of = {} if session is None else {"sessionId": session}
        await self._connection.send(json.dumps({"id": number, "method": method, "params": parameters, **of}))
        async with asyncio.timeout(20):
            while (answer := json.loads(await self._connection.recv())).get("id") != number:
                pass
        assert "error" not in answer, answer
        return answer["result"]

    async def tab(self, url: str) -> "Tab":
        """A tab, in front of all others."""
        target = (await self.call("Target.createTarget", url=url))["targetId"]
        attached = await self.call("Target.attachToTarget", targetId=target, flatten=True)
        return Tab(self, target, attached["sessionId"])


async def _address(file: Path) -> list[str]:
    async with asyncio.timeout(30):
        while not file.exists() or len(found := file.read_text().split()) < 2:  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.05)
    return found


class Tab:
    """One tab."""

    def __init__(self, browser: Chromium, target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        evaluated = await self._browser.call("Runtime.evaluate", self._session, expression=expression)
        return evaluated["result"].get("value")

    async def until(self, expression: str) -> None:
        """Waits until an expression is true."""
        async with asyncio.timeout(20):
            while await self.evaluate(expression) is not True:  # noqa: ASYNC110 (pages do not signal it)
                await asyncio.sleep(0.05)

    async def goto(self, url: str) -> None:
        """Goes to another page."""
        await self._browser.call("Page.navigate", self._session, url=url)

    async def back(self) -> None:
        """Goes back to the page before."""
        history = await self._browser.call("Page.getNavigationHistory", self._session)
        entry = history["entries"][history["currentIndex"] - 1]["id"]
        await self._browser.call("Page.navigateToHistoryEntry", self._session, entryId=entry)

    async def freeze(self) -> None:
        """Hides the tab behind another one, and freezes it, as browsers do after some minutes."""
        await self._browser.tab("about:blank")
        await self.until("document.visibilityState === 'hidden'")
        await self._browser.call("Page.setWebLifecycleState", self._session, state="frozen")

    async def thaw(self) -> None:
        """Shows it again."""
        await self._browser.call("Page.setWebLifecycleState", self._session, state="active")
        await self._browser.call("Target.activateTarget", targetId=self._target)
