"""What else the server answers besides the API: pages, probes, its schema."""

from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

import engines
from resolvers.root import api
from tests.conftest import empty_database
from tests.server.conftest import MODEL
from tests.server.served import Served, serving, until
from tests.support.proxy import Proxy


@pytest.fixture
async def http(served: Served) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=served.url, timeout=10)


async def test_it_lives_and_is_ready(http: httpx.AsyncClient) -> None:
    async with http:
        healthz, readyz = await http.get("/healthz"), await http.get("/readyz")

    assert (healthz.status_code, healthz.json()) == (200, {"status": "ok", "database": "ok", "redis": "ok"})
    assert (readyz.status_code, readyz.json()) == (200, {"status": "ready", "database": "ok", "redis": "ok"})


async def test_it_gives_its_schema(http: httpx.AsyncClient) -> None:
    async with http:
        answer = await http.get("/schema.graphql")

    assert answer.headers["content-type"] == "application/graphql; charset=utf-8"
    assert answer.text == api.as_str() + "\n"


@pytest.mark.parametrize(("path", "title"), [("/", "Transom"), ("/graphiql", "GraphiQL · Transom")])
async def test_it_has_pages(http: httpx.AsyncClient, path: str, title: str) -> None:
    async with http:
        page = await http.get(path)

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f"<title>{title}</title>" in page.text


async def test_every_place_that_an_unknown_path_names_is_there(http: httpx.AsyncClient) -> None:
    async with http:
        unknown = await http.get("/nowhere")
        places = [line.split()[0] for line in unknown.text.splitlines()[1:]]
        found = {place: (await http.get(place)).status_code for place in places}

    assert unknown.status_code == 404
    assert found.pop("/graphql") == 400  # it is there, but was asked nothing
    there = ("/", "/graphiql", "/schema.graphql", "/possibleTypes.json", "/docs", "/healthz")
    assert found == dict.fromkeys(there, 200)


@pytest.mark.parametrize(
    "path", ["/docs/../pyproject.toml", "/docs/%2e%2e/pyproject.toml", "/assets/..%2f..%2fpackage.json"]
)
async def test_no_path_leads_out_of_the_pages(http: httpx.AsyncClient, path: str) -> None:
    async with http:
        assert (await http.get(path)).status_code == 404


async def test_a_server_without_its_database_lives_but_is_not_ready(urls: engines.Urls, tmp_path: Path) -> None:
    async with empty_database(urls.database) as database:
        upstream = Path(await socket_of(urls.database))
        place = tmp_path / upstream.name
        async with Proxy(upstream, at=place) as proxy:
            through = database.replace(str(upstream.parent), str(place.parent))
            assert through != database
            settings: dict[str, Any] = {"database_url": through, "redis_url": urls.redis, "model_url": MODEL}
            async with (
                serving(tmp_path / "log", may_complain=True, **settings) as served,
                httpx.AsyncClient(base_url=served.url, timeout=10) as http,
            ):
                proxy.cut()

                healthz, readyz = await http.get("/healthz"), await http.get("/readyz")
                assert (healthz.status_code, healthz.json()["database"]) == (200, "unreachable")
                assert (readyz.status_code, readyz.json()["status"]) == (503, "not ready")
                answer = await http.post("/graphql", json={"query": "{ viewer { id } }"})
                assert answer.json()["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"

                proxy.mend()
                await until(lambda: ready(http))


async def ready(http: httpx.AsyncClient) -> bool:
    return (await http.get("/readyz")).status_code == 200


async def socket_of(url: str) -> str:
    """The Unix socket that a PostgreSQL listens on."""
    connection = await asyncpg.connect(url)
    try:
        folder = await connection.fetchval("SHOW unix_socket_directories")
        return f"{folder}/.s.PGSQL.{await connection.fetchval('SHOW port')}"
    finally:
        await connection.close()
