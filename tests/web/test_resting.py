"""Pages that a real browser freezes or keeps for the back button: they rest, and miss nothing."""

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

import engines
from tests.conftest import empty_database
from tests.docs.fences import get
from tests.graphql.conftest import npm
from tests.server.callers import Caller
from tests.server.quick import quick
from tests.server.test_presence import Client
from tests.web.devtools import Chromium, Tab

__all__ = ["npm"]

LONG = 60.0
"""Seconds between two pings where nothing is to depend on them."""

HTML = """<!doctype html><title>nothing yet</title>
<script type="importmap">{"imports": {"graphql-ws": "./npm/client.js"}}</script>
<script type="module" src="./page.mjs"></script>"""

PRESENT = "const present = `subscription ($id: ID!) { session(id: $id, presence: true) { __typename } }`;"

RESTING = f"""import {{ shown }} from "./reducer.mjs";
import {{ connect, open }} from "./window.mjs";
{PRESENT}
const {{ url, id }} = Object.fromEntries(new URLSearchParams(location.search));
const client = connect(url);
addEventListener("pageshow", (event) => (globalThis.kept = event.persisted));
open(client, id, (state) => (document.title = shown(state).map((message) => message.content).join("|") || "live"));
const sink = {{ next() {{}}, error() {{}}, complete() {{}} }};
client.subscribe({{ query: present, variables: {{ id }} }}, sink);"""

RESTLESS = f"""import {{ createClient }} from "graphql-ws";
{PRESENT}
const {{ url, id }} = Object.fromEntries(new URLSearchParams(location.search));
const client = createClient({{ url }});
client.subscribe({{ query: present, variables: {{ id }} }}, {{ next() {{}}, error() {{}}, complete() {{}} }});"""


@pytest.fixture(scope="module")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chromium]:
    async with Chromium.running(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
async def origin(npm: Path, tmp_path: Path) -> AsyncIterator[str]:
    """Where the pages are: one with the client of the guide, and one that knows nothing of resting."""
    for name, script in (("resting", RESTING), ("restless", RESTLESS)):
        folder = tmp_path / name
        shutil.copytree(npm / "node_modules" / "graphql-ws" / "dist", folder / "npm")
        (folder / "index.html").write_text(HTML)
        (folder / "page.mjs").write_text(script)
        (folder / "window.mjs").write_text(get("docs/guide/javascript.md", "window.mjs"))
        (folder / "reducer.mjs").write_text(get("docs/protocol.md", "reducer.mjs"))
    (tmp_path / "elsewhere.html").write_text("<!doctype html><title>elsewhere</title>")
    app = Starlette(routes=[Mount("/", StaticFiles(directory=tmp_path, html=True))])
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


class Scene:
    """A session that a page shows, and that a client with a name watches."""

    def __init__(self, page: Tab, caller: Caller, laptop: Client, id: str) -> None:
        self.page, self.caller, self.laptop, self.id = page, caller, laptop, id

    async def say(self, text: str) -> str:
        """The id of what is said."""
        sent = await self.caller.send(text, sessionId=self.id, reply=False)
        return str(sent["message"]["id"])

    async def take_back(self, message: str) -> None:
        document = "mutation ($input: DeletionInput!) { deleteMessages(input: $input) { __typename } }"
        deletion = {"sessionId": self.id, "id": message, "scope": "MESSAGE"}
        deleted = await self.caller.get(document, input=deletion)
        assert deleted["deleteMessages"]["__typename"] == "DeleteMessagesPayload"

    async def shows(self, *texts: str) -> None:
        await self.page.until(f"document.title === {json.dumps('|'.join(texts) or 'live')}")


@pytest.fixture
async def scene(
    chromium: Chromium, origin: str, urls: engines.Urls, request: pytest.FixtureRequest
) -> AsyncIterator[Scene]:
    name, beat = request.param
    async with (
        empty_database(urls.database) as database,
        quick(database, urls.redis, beat=beat, allowed_origins=origin) as url,
        Caller.at(f"{url}/graphql") as caller,
    ):
        id = str(uuid4())
        assert await caller.change("createSession", id=id) == "SessionPayload"
        async with Client.at(url, id, "laptop") as laptop:
            page = await chromium.tab(f"{origin}/{name}/?url={url.replace('http', 'ws', 1)}/graphql&id={id}")
            await laptop.sees("laptop", None)
            yield Scene(page, caller, laptop, id)


def scenes(*parameters: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("scene", parameters, indirect=True)


@scenes(("resting", LONG))
async def test_a_frozen_page_leaves_and_shows_everything_when_it_is_seen_again(scene: Scene) -> None:
    await scene.shows()
    await scene.say("One")
    two = await scene.say("Two")
    await scene.shows("One", "Two")
    await scene.page.freeze()
    await scene.laptop.sees("laptop")
    await scene.take_back(two)  # who asks anew with the cursor of the first time is not told that
    await scene.page.thaw()
    await scene.shows("One")
    await scene.laptop.sees("laptop", None)
    await scene.say("Three")
    await scene.shows("One", "Three")


@scenes(("resting", LONG))
async def test_a_page_that_is_kept_for_the_back_button_does_so_too(scene: Scene, origin: str) -> None:
    await scene.say("One")
    await scene.shows("One")
    await scene.page.goto(f"{origin}/elsewhere.html")
    await scene.laptop.sees("laptop")
    await scene.say("Two")
    await scene.page.back()
    await scene.shows("One", "Two")
    assert await scene.page.evaluate("globalThis.kept") is True
    await scene.laptop.sees("laptop", None)


@scenes(("restless", 0.5))
async def test_a_page_that_does_not_rest_is_found_out(scene: Scene) -> None:
    await scene.page.freeze()
    await scene.laptop.sees("laptop")
