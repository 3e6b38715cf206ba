"""Apollo Client as the guide sets it up."""

from collections.abc import Callable
from pathlib import Path

from tests.docs.conftest import run
from tests.server.served import Served

PAGE = "docs/guide/javascript.md"


async def test_apollo_client_shows_why_something_was_refused(home: Served, modules: Callable[..., Path]) -> None:
    printed = await run("node", "refusing.mjs", home.graphql, cwd=modules(home, (PAGE, "apollo.mjs")))

    assert printed.startswith("There is no such session")
