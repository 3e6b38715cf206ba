"""Pages of other origins use the API only where the settings, or the lack of authentication, let them in."""

from collections.abc import AsyncIterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from server.app import Transom
from server.settings import Settings
from tests.server.conftest import Start
from tests.server.served import Served
from tests.server.tokens import SECRET

THERE = "https://there.example"
ADVICE = "Pages of {0} may not use this server. To let them in, set TRANSOM_ALLOWED_ORIGINS={0}"
DEVELOPERS = ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:4200", "https://app.localhost:1"]
STRANGERS = ["https://evil.example", "http://localhost.evil.example", "http://10.0.0.1:80", "http://127.0.0.1.nip.io"]


async def asked(origin: str, method: str = "POST", header: str = "content-type", **settings: object) -> httpx.Response:
    """What a browser is answered that asks whether a page may send something."""
    app = Transom(Settings(**settings))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        headers = {"access-control-request-method": method, "access-control-request-headers": header}
        return await client.options("/graphql", headers={"origin": origin, **headers})


@pytest.mark.parametrize(
    ("allowed", "origin", "answer"),
    [
        ("https://there.example, https://other.example", "https://other.example", "https://other.example"),
        ("https://There.example:443/", THERE, THERE),
        ("capacitor://localhost", "capacitor://localhost", "capacitor://localhost"),
        (THERE, "https://evil.example", None),
        (THERE, "https://there.example.evil.example", None),
        (THERE, "http://there.example", None),
        (THERE, "null", None),
        ("*", "https://any.example", "https://any.example"),
    ],
)
async def test_a_page_of_another_origin_may_ask_if_it_is_allowed(allowed: str, origin: str, answer: str | None) -> None:
    response = await asked(origin, allowed_origins=allowed, jwt_secret=SECRET)
    assert response.headers.get("access-control-allow-origin") == answer
    assert response.status_code == (403 if answer is None else 200)


@pytest.mark.parametrize("origin", DEVELOPERS)
async def test_pages_of_this_machine_are_let_in_where_nobody_needs_a_token(origin: str) -> None:
    response = await asked(origin, header="content-type, apollographql-client-name")
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (200, origin)
    assert response.headers["access-control-allow-headers"] == "content-type, apollographql-client-name"


@pytest.mark.parametrize("origin", DEVELOPERS)
async def test_pages_of_this_machine_are_named_in_the_settings_where_tokens_are_needed(origin: str) -> None:
    response = await asked(origin, jwt_secret=SECRET)
    assert (response.status_code, response.text) == (403, ADVICE.format(origin) + "\n")
    assert "access-control-allow-origin" not in response.headers
    assert (await asked(origin, jwt_secret=SECRET, allowed_origins=origin)).status_code == 200


@pytest.mark.parametrize("origin", STRANGERS)
async def test_pages_of_elsewhere_are_not_let_in_without_a_setting(origin: str) -> None:
    response = await asked(origin)
    assert "access-control-allow-origin" not in response.headers
    assert response.text.startswith("Pages of ")


async def test_a_page_that_asks_for_another_method_is_told_which_there_are() -> None:
    response = await asked(DEVELOPERS[0], method="PUT")
    assert (response.status_code, response.text) == (405, "Pages may send GET and POST only.\n")


@pytest.fixture(scope="module")
async def closed(start: Start) -> AsyncIterator[Served]:
    """A server that asks for tokens."""
    async with start(jwt_secret=SECRET) as served:
        yield served


async def handshake(served: Served, origin: str) -> tuple[int, bytes]:
    """The status of a socket's handshake, and the body where it is refused."""
    try:
        async with connect(served.socket, origin=Origin(origin), subprotocols=[Subprotocol("graphql-transport-ws")]):
            return 101, b""
    except InvalidStatus as refused:
        return refused.response.status_code, bytes(refused.response.body or b"")


async def test_sockets_and_requests_of_pages_are_treated_alike(served: Served, closed: Served) -> None:
    """Also from this very server's own pages, who need no setting."""
    for origin in (*DEVELOPERS, *STRANGERS, served.url, closed.url):
        for server, settings in ((served, {}), (closed, {"jwt_secret": SECRET})):
            status, body = await handshake(server, origin)
            if origin == server.url:
                assert status == 101
            else:
                answer = await asked(origin, **settings)
                assert (status, body) == ((101, b"") if answer.is_success else (403, answer.content)), origin


async def test_the_log_says_once_for_each_origin_what_to_set(start: Start) -> None:
    async with start(jwt_secret=SECRET) as served, httpx.AsyncClient() as client:
        for origin in DEVELOPERS[:2] * 3:
            await handshake(served, origin)
            asking = {"access-control-request-method": "POST"}
            assert (await client.options(served.graphql, headers={"origin": origin, **asking})).status_code == 403
            await client.get(served.graphql, headers={"origin": origin})
        for path in ("/", "/graphql"):
            await client.get(served.url + path, headers={"origin": served.url})
            proxied = {"origin": "https://chat.example", "sec-fetch-site": "same-origin"}
            await client.post(served.url + path, headers=proxied)
        lines = [line for line in served.log.read_text().splitlines() if "transom.origins" in line]
    assert [line.partition("transom.origins: ")[2] for line in lines] == [
        ADVICE.format(each) for each in DEVELOPERS[:2]
    ]
