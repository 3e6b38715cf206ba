"""A served stand-in and a real browser that may talk to nothing else."""

import asyncio
import shutil
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright

from server import pages

from .stand_in import Script, application

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Site:
    """Where the stand-in listens, and what it is made to say."""

    url: str
    script: Script


@dataclass
class Witness:
    """What a browser said and asked for."""

    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._asked)
        page.on("websocket", lambda socket: self.requests.append(socket.url))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)


@pytest.fixture(scope="session")
def built() -> Path:
    assert (pages.DIST / "graphiql.html").is_file(), "The browser part is not built: run `make web`."
    return pages.DIST


@asynccontextmanager
async def standing_in(*, token: bool = False, port: int = 0, script: Script | None = None) -> AsyncGenerator[Site]:
    script = script or Script()
    app = application(script, token=token)
    config = uvicorn.Config(app, log_level="warning", ws="websockets-sansio", lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", port)) as listener:  # listens before the server runs: nothing to wait for
        serving = asyncio.create_task(server.serve([listener]))
        yield Site(f"http://127.0.0.1:{listener.getsockname()[1]}", script)
        server.should_exit = True
        await serving


@pytest.fixture
async def site(built: Path) -> AsyncGenerator[Site]:
    async with standing_in() as site:
        yield site


@pytest.fixture
async def locked(built: Path) -> AsyncGenerator[Site]:
    """A site that asks for a token."""
    async with standing_in(token=True) as site:
        yield site


@pytest.fixture(scope="session")
async def chromium() -> AsyncGenerator[Browser]:
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert executable, "These tests need Chromium: `apt-get install -y chromium`, or `make test` as root."
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def browser(chromium: Browser, site: Site, locked: Site) -> AsyncGenerator[BrowserContext]:
    """A browser of its own for each test, closed before the site is: what still loads must not be refused."""
    context = await chromium.new_context(viewport={"width": 1440, "height": 900})
    yield context
    await context.close()


@pytest.fixture
def witness(browser: BrowserContext) -> Generator[Witness]:
    """Sees every page of the browser; at the end of a test, none may have complained."""
    witness = Witness()
    browser.on("page", witness.watch)
    yield witness
    assert witness.complaints == []


@pytest.fixture
async def page(browser: BrowserContext, witness: Witness) -> Page:
    return await browser.new_page()
