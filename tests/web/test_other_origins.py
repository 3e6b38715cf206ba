"""A page that a developer serves on another port uses a server as it comes: fetch, WebSocket and event stream."""

import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

import engines
from tests.conftest import empty_database
from tests.server.conftest import MODEL
from tests.server.served import Served, serving
from tests.server.tokens import SECRET

TRY = """
async url => {
  const query = "{ viewer { name } }", stream = "subscription { changes { __typename } }";
  const told = async trial => { try { return await trial; } catch (error) { return String(error); } };
  const body = JSON.stringify({ query }), headers = { "content-type": "application/json", "x-any": "1" };
  const fetched = fetch(url, { method: "POST", headers, body }).then(async answer => (await answer.json()).data);
  const socket = new Promise((resolve, reject) => {
    const opened = new WebSocket(url.replace("http", "ws"), "graphql-transport-ws");
    opened.onopen = () => opened.send(JSON.stringify({ type: "connection_init" }));
    opened.onmessage = event => resolve(JSON.parse(event.data).type);
    opened.onclose = () => reject(new Error("closed"));
  });
  const events = new Promise((resolve, reject) => {
    const source = new EventSource(url + "?query=" + encodeURIComponent(stream));
    source.addEventListener("next", event => (source.close(), resolve(Object.keys(JSON.parse(event.data)))));
    source.onerror = () => (source.close(), reject(new Error("no stream")));
  });
  return { fetched: await told(fetched), socket: await told(socket), events: await told(events) };
}
"""
OPEN = {"fetched": {"viewer": {"name": None}}, "socket": "connection_ack", "events": ["data"]}
SHUT = {"fetched": "TypeError: Failed to fetch", "socket": "Error: closed", "events": "Error: no stream"}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of another server of pages."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text("<!doctype html><link rel='icon' href='data:,'><title>App</title>")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
async def other(chromium: Browser) -> AsyncIterator[Page]:
    """A page of a browser that may complain."""
    context = await chromium.new_context()
    yield await context.new_page()
    await context.close()


@pytest.fixture(scope="module")
async def settings(urls: engines.Urls) -> AsyncIterator[dict[str, Any]]:
    async with empty_database(urls.database) as database:
        yield {"database_url": database, "redis_url": urls.redis, "model_url": MODEL}


async def tried(page: Page, port: int, served: Served, host: str = "127.0.0.1") -> object:
    await page.goto(f"http://{host}:{port}/")
    return await page.evaluate(TRY, served.graphql)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "app.localhost"])
async def test_pages_of_this_machine_are_let_in(
    other: Page, elsewhere: int, settings: dict[str, Any], tmp_path: Path, host: str
) -> None:
    async with serving(tmp_path / "log", **settings) as served:
        assert await tried(other, elsewhere, served, host) == OPEN
    assert "transom.origins" not in (tmp_path / "log").read_text()


async def test_with_authentication_they_are_told_what_to_set_and_let_in_then(
    other: Page, elsewhere: int, settings: dict[str, Any], tmp_path: Path
) -> None:
    async with serving(tmp_path / "log", jwt_secret=SECRET, **settings) as served:
        assert await tried(other, elsewhere, served) == SHUT
    (line,) = [line for line in (tmp_path / "log").read_text().splitlines() if "transom.origins" in line]
    advice = f"set TRANSOM_ALLOWED_ORIGINS=http://127.0.0.1:{elsewhere}"
    assert line.endswith(advice)

    allowed = advice.partition("=")[2]
    async with serving(tmp_path / "log", jwt_secret=SECRET, allowed_origins=f"{allowed}/", **settings) as served:
        found = await tried(other, elsewhere, served)
    # The page hears what the server says now: that it lacks a token.
    assert found == {"fetched": None, "socket": "Error: closed", "events": "Error: no stream"}
