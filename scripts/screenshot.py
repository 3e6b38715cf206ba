"""Takes docs/graphiql.png: GraphiQL while a reply of the bundled model is being written.

Run it in the project's folder, after `make web`: `.venv/bin/python scripts/screenshot.py`. It needs Chromium.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "graphiql.png"
SIZE = {"width": 1400, "height": 900}
QUESTION = "Why are church windows made of coloured glass?"
PATIENCE = 60_000  # milliseconds


@contextmanager
def server() -> Iterator[str]:
    """The address of a server of its own."""
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as folder:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("transom"), "serve"],
            env=os.environ | {"TRANSOM_PORT": "0", "TRANSOM_DATA_DIR": f"{folder}/data"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        try:
            yield next(line.split()[1] for line in process.stdout if line.startswith("GraphiQL"))
        finally:
            process.terminate()
            process.wait()


def compose(page: Page) -> None:
    """Brings the page to where the second reply is half-written."""
    page.locator(".graphiql-query-editor .view-line").first.wait_for()
    page.get_by_role("button", name="Execute query").click()
    page.get_by_role("button", name="Watch it live").click()
    expect(page.locator(".live-events")).to_contain_text("COMPLETED", timeout=PATIENCE)
    page.get_by_label("Message").fill(QUESTION)
    page.get_by_label("Message").press("Enter")
    second = page.locator(".live-message[data-role=ASSISTANT] p").nth(1)
    expect(second).to_have_text(re.compile(r"(\S+\s+){30}"), timeout=PATIENCE)


def main() -> None:
    """Takes the picture."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    PICTURE.parent.mkdir(exist_ok=True)
    with server() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]
        page.goto(address)
        compose(page)
        page.screenshot(path=PICTURE)
        browser.close()
    print(PICTURE)


if __name__ == "__main__":
    main()
