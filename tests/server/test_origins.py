"""Pages of other origins use the API only where the settings allow it."""

import httpx
import pytest

from server.app import Transom
from server.settings import Settings


async def preflight(allowed: str, origin: str) -> httpx.Headers:
    app = Transom(Settings(allowed_origins=allowed))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        return (await client.options("/graphql", headers=asked)).headers


@pytest.mark.parametrize(
    ("allowed", "origin", "answer"),
    [
        ("", "https://there.example", None),
        ("https://there.example, https://other.example", "https://other.example", "https://other.example"),
        ("https://there.example", "https://evil.example", None),
        ("*", "https://any.example", "*"),
    ],
)
async def test_a_page_of_another_origin_may_ask_if_it_is_allowed(allowed: str, origin: str, answer: str | None) -> None:
    assert (await preflight(allowed, origin)).get("access-control-allow-origin") == answer
