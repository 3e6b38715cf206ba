"""Brings what the project needs onto a bare machine, and does nothing where it is there already.

`python3 scripts/setup.py python web browser databases` takes any of these steps, in this order:

    python     .venv with every package, made by uv with a Python of at least 3.12
    web        web/dist, the built start page and GraphiQL
    browser    a Chromium, for the tests in a browser
    databases  Debian's PostgreSQL, PgBouncer and Redis, for the tests on engines that are not the embedded ones

Runs on Python 3.9 and later with nothing but the standard library. Tools that are missing (uv, Node) come from
PyPI into `.tools`, and Debian's packages are unpacked there; nothing is changed outside the project's folder, but for
Chromium where root installs it.
"""

from __future__ import annotations

import sys

from setup_steps import browser, databases, python, web
from setup_steps.terminal import Stop, fail

STEPS = {
    "python": python.prepare,
    "web": web.prepare,
    "browser": browser.prepare,
    "databases": databases.prepare,
}


def main(names: list[str]) -> None:
    """Takes the named steps; ends the process with one sentence and status 1 when one cannot be taken."""
    unknown = set(names) - set(STEPS)
    if unknown or not names:
        fail(f"Choose from: {', '.join(STEPS)}.")
    try:
        for name, step in STEPS.items():
            if name in names:
                step()
    except Stop as stop:
        fail(str(stop))


main(sys.argv[1:])
