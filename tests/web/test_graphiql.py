"""GraphiQL in a real browser, against a server whose replies the test dictates."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect
from strawberry import ID

from .conftest import Site, Witness, standing_in
from .stand_in import (
    REFUSED,
    REFUSED_TOKEN,
    BranchChanged,
    Compaction,
    Message,
    MessageChanged,
    PartChanged,
    ReasoningPart,
    RunProgress,
    TextDelta,
    TextPart,
)


async def opened(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/graphiql")
    await expect(page.locator(".graphiql-query-editor .view-line").first).to_be_visible()


def tab(page: Page, name: str) -> Locator:
    return page.get_by_role("tab", name=name)


def tabs(page: Page) -> Locator:
    return page.locator(".graphiql-tab-button")


async def stored(page: Page, as_wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Waits until GraphiQL has saved its tabs, which it does half a second after the last change."""
    async with asyncio.timeout(5):
        while True:
            state = await page.evaluate("localStorage.getItem('graphiql:tabState')")
            if state and as_wanted(json.loads(state)):
                return
            await page.wait_for_timeout(50)


async def close(page: Page, name: str) -> None:
    await tab(page, name).click()
    await tab(page, name).locator("..").locator(".graphiql-tab-close:visible").click()


async def run(page: Page) -> None:
    await page.get_by_role("button", name="Execute query").click()


async def write(page: Page, editor: str, text: str) -> None:
    await page.get_by_role("button", name=editor, exact=True).click()
    await page.get_by_role("region", name=editor).locator(".monaco-editor:visible").click()
    await page.keyboard.press("Control+A")
    await page.keyboard.press("Delete")
    await page.keyboard.type(text)  # key by key: the editor closes brackets itself, and types over them


def response(page: Page) -> Locator:
    return page.get_by_label("Result Window")


def variables(page: Page) -> Locator:
    return page.get_by_role("region", name="Variables").locator(".graphiql-editor:not(.hidden) .view-lines")


def reply(page: Page) -> Locator:
    return page.locator(".live-message[data-role=ASSISTANT] p").last


async def watching(page: Page, site: Site) -> None:
    await opened(page, site)
    await run(page)
    await page.get_by_role("button", name="Watch it live").click()
    await expect(page.locator(".live-events")).to_contain_text("CaughtUp")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_it_opens_without_asking_any_other_host(
    browser: BrowserContext, witness: Witness, site: Site, theme: str
) -> None:
    page = await browser.new_page()
    await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")

    await page.goto(site.url)
    await page.get_by_role("link", name="Open GraphiQL").click()
    await expect(page.locator(".graphiql-query-editor .view-line").first).to_be_visible()
    await page.get_by_role("button", name="Show Documentation Explorer").click()
    await expect(page.locator(".graphiql-doc-explorer")).to_contain_text("subscription: Subscription")
    for plugin in ("History", "GraphiQL Explorer"):
        await page.get_by_role("button", name=f"Show {plugin}").click()

    await expect(tabs(page)).to_have_text(["StartChat", "Watch", "Sessions"])
    assert {request for request in witness.requests if not request.startswith((site.url, "data:"))} == set()


async def test_a_query_is_answered(page: Page, site: Site) -> None:
    await opened(page, site)
    await tab(page, "Sessions").click()

    await run(page)

    await expect(response(page)).to_contain_text('"name": "Ada"')


async def test_a_reply_is_seen_growing_token_by_token(page: Page, site: Site) -> None:
    await watching(page, site)

    for token, so_far in (
        ("Rain", "Rain"),
        (" on", "Rain on"),
        (" glass 🪟", "Rain on glass 🪟"),
        (".", "Rain on glass 🪟."),
    ):
        site.script.say(token)
        await expect(reply(page)).to_have_text(so_far)
    await expect(page.locator(".live-caret")).to_have_count(1)
    site.script.finish()
    await expect(page.locator(".live-caret")).to_have_count(0)

    await expect(reply(page)).to_have_text("Rain on glass 🪟.")
    await expect(page.locator(".live-count")).to_have_text("8 events · 4 deltas")


async def test_how_far_a_model_has_read_is_shown_until_it_says_something(page: Page, site: Site) -> None:
    await watching(page, site)
    status = page.locator(".live-message[data-role=ASSISTANT] .live-status")

    for read in (0, 2048):
        site.script.tell(RunProgress(run_id=ID("r1"), read=read, total=5549))
        await expect(status).to_have_text(f"reading: {read:,} of 5,549 tokens")
    site.script.tell(RunProgress(run_id=ID("r1"), read=1024, total=5549, compacting=True))
    await expect(status).to_have_text("putting the older part in short: 1,024 of 5,549 tokens")
    site.script.say("Rain")
    await expect(status).to_have_text("streaming")


async def test_what_models_are_told_in_short_is_shown_where_it_ends(page: Page, site: Site) -> None:
    await watching(page, site)
    site.script.say("Rain on glass.")
    site.script.finish()
    line = page.locator(".live-message[data-role=ASSISTANT] details")
    await expect(line).to_have_count(0)
    assert site.script.reply
    site.script.reply.compaction = Compaction(text="They spoke of rain.")
    site.script.tell(MessageChanged(message=site.script.reply))
    await expect(line.locator("summary")).to_have_text("Models are told everything up to here in short")
    await line.locator("summary").click()
    await expect(line.locator("p")).to_have_text("They spoke of rain.")
    site.script.reply.compaction = None
    site.script.tell(MessageChanged(message=site.script.reply))
    await expect(line).to_have_count(0)


async def test_a_server_that_is_lost_is_told_until_it_is_back(chromium: Browser, built: Path) -> None:
    context = await chromium.new_context()
    page = await context.new_page()
    async with standing_in() as site:
        await watching(page, site)
    await expect(page.locator(".live-header")).to_contain_text("Server lost, reconnecting…")

    async with standing_in(port=urlsplit(site.url).port or 0, script=site.script):
        await expect(page.locator(".live-header")).not_to_contain_text("reconnecting", timeout=20_000)
        await page.get_by_label("Message").fill("Are you there?")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator(".live-message[data-role=USER] p").last).to_have_text("Are you there?")
        await context.close()


async def test_the_branch_that_is_seen_is_shown(page: Page, site: Site) -> None:
    await watching(page, site)
    first, second = (
        Message(id=ID(f"b{number}"), role="USER", status="COMPLETE", content=f"Branch {number}", parent_id=None)
        for number in (1, 2)
    )
    after = Message(id=ID("b3"), role="USER", status="COMPLETE", content="And then", parent_id=ID("b1"))
    shown = page.locator(".live-message p")

    site.script.tell(*(MessageChanged(message=message) for message in (first, second, after)))
    site.script.tell(BranchChanged(leaf_id=ID("b3"), branch_chosen=True))
    await expect(shown).to_have_text(["Branch 1", "And then"])

    site.script.tell(BranchChanged(leaf_id=ID("b2"), branch_chosen=True))
    await expect(shown).to_have_text(["Branch 2"])


async def test_a_reply_in_several_parts_shows_its_texts_alone(page: Page, site: Site) -> None:
    await watching(page, site)
    assert site.script.reply
    id_ = site.script.reply.id

    site.script.tell(
        PartChanged(message_id=id_, part=ReasoningPart(index=0, text="Hm")),
        TextDelta(message_id=id_, index=0, offset=2, text=", panes?"),
        PartChanged(message_id=id_, part=TextPart(index=1, text="Rain ")),
        TextDelta(message_id=id_, index=1, offset=5, text="on glass. "),
        PartChanged(message_id=id_, part=ReasoningPart(index=2, text="And?")),
        PartChanged(message_id=id_, part=TextPart(index=3, text="")),
        TextDelta(message_id=id_, index=3, offset=0, text="It "),
        TextDelta(message_id=id_, index=3, offset=3, text="stops."),
    )

    await expect(reply(page)).to_have_text("Rain on glass. It stops.")
    await expect(page.locator(".live-earlier")).to_have_count(0)


async def test_the_new_sessions_id_is_filled_in(page: Page, site: Site) -> None:
    await opened(page, site)
    await run(page)
    await expect(response(page)).to_contain_text("SendMessagePayload")

    await tab(page, "Watch").click()

    await expect(variables(page)).to_contain_text('"id": "s1"')


async def test_an_id_that_a_person_wrote_stays(page: Page, site: Site) -> None:
    await opened(page, site)
    await tab(page, "Watch").click()
    await write(page, "Variables", '{"id": "mine"}')
    await stored(page, lambda state: state["tabs"][1]["variables"] == '{"id": "mine"}')
    await tab(page, "StartChat").click()
    await run(page)
    await expect(response(page)).to_contain_text("SendMessagePayload")

    await tab(page, "Watch").click()

    await expect(variables(page)).to_have_text('{"id": "mine"}')


async def test_two_windows_show_the_same_tokens(page: Page, browser: BrowserContext, site: Site) -> None:
    await watching(page, site)
    site.script.say("Early")
    await expect(reply(page)).to_have_text("Early")
    other = await browser.new_page()
    await opened(other, site)
    await tab(other, "Watch").first.click()  # a window opened in the middle of a save may show a tab twice
    await run(other)
    await expect(reply(other)).to_have_text("Early")

    site.script.say(" and late")

    await expect(reply(page)).to_have_text("Early and late")
    await expect(reply(other)).to_have_text("Early and late")


async def test_something_can_be_said_while_watching(page: Page, site: Site) -> None:
    await watching(page, site)
    site.script.finish()

    await page.get_by_label("Message").fill("And doors?")
    await page.get_by_label("Message").press("Enter")
    await expect(page.locator(".live-message[data-role=USER] p").last).to_have_text("And doors?")
    site.script.say("Doors close.")

    await expect(reply(page)).to_have_text("Doors close.")


async def test_a_refusal_is_shown_where_it_was_said(page: Page, site: Site) -> None:
    await watching(page, site)

    await page.get_by_label("Message").fill("!")
    await page.get_by_role("button", name="Send").click()

    await expect(page.locator(".live-say").get_by_role("alert")).to_have_text(REFUSED)


async def test_stopping_ends_the_subscription_at_the_server(page: Page, site: Site) -> None:
    await watching(page, site)

    await page.get_by_role("button", name="Stop query").click()

    async with asyncio.timeout(5):
        await site.script.unfollowed.wait()
    await expect(page.locator(".live")).to_have_attribute("data-state", "ended")


async def test_the_json_of_the_newest_event_is_one_click_away(page: Page, site: Site) -> None:
    await watching(page, site)
    site.script.say("Rain")

    await page.get_by_role("button", name="JSON").click()

    await expect(response(page)).to_contain_text('"text": "Rain"')


async def test_the_authorization_header_travels_with_requests_and_with_the_socket(page: Page, site: Site) -> None:
    await opened(page, site)
    await tab(page, "Sessions").click()
    await write(page, "Headers", '{"authorization": "Bearer ada"}')
    await run(page)
    await expect(response(page)).to_contain_text('"name": "Ada"')
    await tab(page, "StartChat").click()
    await run(page)
    await expect(response(page)).to_contain_text("SendMessagePayload")

    await tab(page, "Watch").click()
    await write(page, "Headers", '{"authorization": "Bearer grace"}')
    await run(page)
    await expect(page.locator(".live-events")).to_contain_text("CaughtUp")

    assert site.script.authorization == {"http": "Bearer ada", "mutation": None, "socket": "Bearer grace"}


async def test_a_session_can_be_watched_after_the_tab_for_it_was_closed(page: Page, site: Site) -> None:
    await opened(page, site)
    await close(page, "Watch")
    await expect(tabs(page)).to_have_count(2)
    await tab(page, "StartChat").click()
    await run(page)

    await page.get_by_role("button", name="Watch it live").click()
    await expect(page.locator(".live-events")).to_contain_text("CaughtUp")

    await expect(tabs(page)).to_have_text(["StartChat", "Sessions", "Watch"])


async def test_the_tabs_of_a_person_are_kept(page: Page, site: Site) -> None:
    await opened(page, site)
    await close(page, "Watch")
    await stored(page, lambda state: len(state["tabs"]) == 2)

    await page.reload()

    await expect(tabs(page)).to_have_text(["StartChat", "Sessions"])


async def test_on_a_phone_everything_stands_below_each_other(page: Page, site: Site) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    await opened(page, site)
    await run(page)
    await page.get_by_role("button", name="Watch it live").click()
    await expect(page.locator(".live-events")).to_contain_text("CaughtUp")

    places = [
        await page.locator(place).bounding_box()
        for place in (".graphiql-sidebar", ".graphiql-query-editor", ".graphiql-response")
    ]
    assert all(place is not None and place["width"] > 340 and place["x"] >= 0 for place in places)
    tops = [place["y"] for place in places if place is not None]
    assert tops == sorted(tops)
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    await page.get_by_label("Message").fill("More!")
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator(".live-message[data-role=USER] p").last).to_have_text("More!")


@pytest.mark.parametrize("width", [390, 768, 1280])
async def test_no_line_of_a_document_is_cut(page: Page, site: Site, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 844})
    await opened(page, site)
    for name in ("StartChat", "Watch"):
        await tab(page, name).click()
        editor = page.locator(".graphiql-query-editor .graphiql-editor:not(.hidden)")
        cut = """editor => [...editor.querySelectorAll(".view-line > span")].map(
            line => line.getBoundingClientRect().right - editor.getBoundingClientRect().right)"""
        assert max(await editor.evaluate(cut)) <= 0


async def test_a_server_that_asks_for_a_token_is_told_it_in_one_place(page: Page, locked: Site) -> None:
    """For every tab; what the server thinks of it stands beside it."""
    await opened(page, locked)
    await page.get_by_label("This server asks for a token").fill("garbage")
    await page.get_by_role("button", name="Use it").click()
    await expect(page.locator(".door [role=alert]")).to_have_text(REFUSED_TOKEN)
    await expect(response(page)).to_contain_text(REFUSED_TOKEN)

    await page.get_by_label("This server asks for a token").fill("Bearer ey.of.ada")
    await page.get_by_role("button", name="Use it").click()
    await expect(page.get_by_text("A token is sent with every operation.")).to_be_visible()
    await expect(response(page)).not_to_contain_text(REFUSED_TOKEN)
    await run(page)
    await page.get_by_role("button", name="Watch it live").click()
    await expect(page.locator(".live-events")).to_contain_text("CaughtUp")
    assert locked.script.authorization == {"mutation": "Bearer ey.of.ada", "socket": "Bearer ey.of.ada"}

    await page.reload()
    await expect(page.get_by_text("A token is sent with every operation.")).to_be_visible()


async def test_a_server_that_asks_for_none_does_not_speak_of_tokens(page: Page, site: Site) -> None:
    await opened(page, site)
    await expect(page.get_by_text("token", exact=False).locator("visible=true")).to_have_count(0)
