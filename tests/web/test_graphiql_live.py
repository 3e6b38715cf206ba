"""GraphiQL in a real browser, on `transom serve` as it comes: its own engines, its own model."""

import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from graphql import GraphQLSchema, parse, validate
from playwright.async_api import Page, expect

from resolvers.root import api
from tests.server.callers import Caller
from tests.server.served import serving

from .conftest import Site, Witness
from .stand_in import Script
from .test_graphiql import opened, reply, response, run, tab, tabs

EXAMPLES = Path(__file__).parents[2] / "web" / "src" / "examples.ts"
PATIENCE = 60_000  # milliseconds; a machine may be busy, and the model is a real one


@pytest.fixture(scope="module")
async def address() -> AsyncIterator[str]:
    """A server with everything at its default, but for its folder."""
    folder = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    async with serving(folder / "log", data_dir=folder / "data") as served:
        yield served.url
    shutil.rmtree(folder)


@pytest.fixture
def site(built: Path, address: str) -> Site:
    """In place of the stand-in."""
    return Site(address, Script())


async def test_a_first_chat_is_started_watched_and_read_back(page: Page, witness: Witness, site: Site) -> None:
    await opened(page, site)
    await expect(tabs(page)).to_have_text(["StartChat", "Watch", "Sessions"])
    await run(page)
    await expect(response(page)).to_contain_text('"__typename": "SendMessagePayload"')

    await page.get_by_role("button", name="Watch it live").click()
    await expect(page.locator(".live-events")).to_contain_text("CaughtUp")
    await expect(page.locator(".live-message[data-role=USER] p")).to_have_text("Write a haiku about windows.")
    await expect(page.locator(".live-events")).to_contain_text("TextDelta", timeout=PATIENCE)
    await expect(page.locator(".live-earlier")).to_have_count(0)  # it is shown from its first token on
    await expect(page.locator(".live-events")).to_contain_text("COMPLETED", timeout=PATIENCE)
    await expect(page.locator(".live-caret")).to_have_count(0)
    events = re.fullmatch(r"(\d+) events · (\d+) deltas", await page.locator(".live-count").inner_text())
    shown = await reply(page).inner_text()

    await tab(page, "Sessions").click()
    await run(page)
    await expect(response(page)).to_contain_text('"status": "COMPLETE"')

    async with Caller.at(f"{site.url}/graphql") as caller:
        read = await caller.get("{ sessions(first: 1) { edges { node { messages { edges { node { content } } } } } } }")
    (session,) = read["sessions"]["edges"]
    _, stored = session["node"]["messages"]["edges"]
    assert shown.split() == stored["node"]["content"].split() != []
    assert events
    assert int(events[2]) >= 2
    own = (site.url, site.url.replace("http", "ws", 1), "data:", "blob:")
    assert [request for request in witness.requests if not request.startswith(own)] == []


async def test_something_said_while_watching_is_answered(page: Page, site: Site) -> None:
    await opened(page, site)
    await run(page)
    await page.get_by_role("button", name="Watch it live").click()
    await expect(page.locator(".live-events")).to_contain_text("CaughtUp")
    await expect(page.locator(".live-status")).to_have_count(0, timeout=PATIENCE)

    await page.get_by_label("Message").fill("And doors?")
    await page.get_by_label("Message").press("Enter")

    await expect(page.locator(".live-message[data-role=USER] p").last).to_have_text("And doors?")
    await expect(page.locator(".live-message[data-role=ASSISTANT]")).to_have_count(2)
    await expect(reply(page)).not_to_be_empty(timeout=PATIENCE)
    await page.get_by_role("button", name="Stop query").click()


def examples() -> dict[str, str]:
    """The documents of the first tabs, by their names."""
    found = re.findall(r"^export const (\w+) = `(.*?)`;$", EXAMPLES.read_text(), re.DOTALL | re.MULTILINE)
    return dict(found)


def schema() -> GraphQLSchema:
    return api._schema


def test_there_are_examples() -> None:
    assert set(examples()) == {"START_A_CHAT", "WATCH_IT_LIVE", "READ_IT_BACK", "SAY"}


@pytest.mark.parametrize("name", examples())
def test_an_example_fits_the_schema(name: str) -> None:
    assert validate(schema(), parse(examples()[name])) == []
