"""The start page: a first call that can be copied and works, with a token where the server asks for one."""

import asyncio
import json
import os
from asyncio.subprocess import PIPE

import pytest
from playwright.async_api import BrowserContext, Page, expect

from .conftest import Site

WIDTHS = [390, 768, 1280]


async def run(command: str, **variables: str) -> dict[str, object]:
    """What a shell prints for a command."""
    shell = await asyncio.create_subprocess_exec(
        "bash", "-euc", command, stdout=PIPE, stderr=PIPE, env=os.environ | {"NO_PROXY": "127.0.0.1"} | variables
    )
    output, errors = await shell.communicate()
    assert shell.returncode == 0, errors.decode()
    found: dict[str, object] = json.loads(output)
    return found


async def copied(browser: BrowserContext, page: Page) -> str:
    await browser.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy").click()
    await expect(page.locator("#copy")).to_have_text("Copied")
    text: str = await page.evaluate("navigator.clipboard.readText()")
    return text


async def test_the_first_call_is_copied_and_works(browser: BrowserContext, page: Page, site: Site) -> None:
    await page.goto(site.url)
    call = await copied(browser, page)

    assert f"curl {site.url}/graphql" in call
    assert "authorization" not in call
    assert await run(call) == {
        "data": {"sendMessage": {"__typename": "SendMessagePayload", "session": {"id": "s1"}}},
    }


async def test_where_a_token_is_needed_the_call_has_it_and_the_page_says_so(
    browser: BrowserContext, page: Page, locked: Site
) -> None:
    await page.goto(locked.url)
    await expect(page.get_by_text("This server asks for a token")).to_be_visible()
    call = await copied(browser, page)

    await run(call, TOKEN="ey.of.ada")
    assert locked.script.authorization["mutation"] == "Bearer ey.of.ada"


async def test_without_a_clipboard_the_call_is_selected(page: Page, site: Site) -> None:
    await page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))")
    await page.goto(site.url)
    await page.get_by_role("button", name="Copy").click()

    await expect(page.locator("#copy")).to_have_text("Selected")
    assert str(await page.evaluate("getSelection().toString()")).startswith("curl ")


@pytest.mark.parametrize("width", WIDTHS)
async def test_it_fits_every_screen(page: Page, site: Site, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 844})
    await page.goto(site.url)
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    await page.goto(f"{site.url}/docs/protocol")
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
