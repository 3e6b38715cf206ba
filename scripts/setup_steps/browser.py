"""A Chromium for the tests."""

from __future__ import annotations

import os
import shutil

from .terminal import Stop, run, say

NAMES = ("chromium", "chromium-browser", "google-chrome")


def prepare() -> None:
    """Finds a Chromium, or installs Debian's as root.

    Raises:
        Stop: there is none, and this user cannot install it.
    """
    if any(shutil.which(name) for name in NAMES):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Stop(
            "The tests in a browser need Chromium. Install it (on Debian: `apt-get install chromium`) and try again."
        )
    say("Chromium, with apt-get")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-qq", env=quiet)
    run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", env=quiet)
