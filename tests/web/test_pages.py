"""What a browser is sent: the pages, their assets, and what it is told when something is not there."""

import gzip
import re
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from server import pages


def caller(app: Starlette) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://transom", headers={"accept-encoding": "identity"})


def served(dist: Path, docs: Path = pages.DOCS) -> Starlette:
    return Starlette(routes=pages.routes(dist, docs), exception_handlers={404: pages.not_found})


@pytest.fixture
async def client(built: Path) -> AsyncGenerator[httpx.AsyncClient]:
    async with caller(served(built)) as client:
        yield client


@pytest.mark.parametrize(("path", "title"), [("/", "Transom"), ("/graphiql", "GraphiQL · Transom")])
async def test_a_page_is_asked_for_again_each_time(client: httpx.AsyncClient, path: str, title: str) -> None:
    page = await client.get(path)

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    assert f"<title>{title}</title>" in page.text


@pytest.mark.parametrize("path", ["/", "/graphiql", "/docs", "/nowhere"])
async def test_a_page_may_load_from_here_only_and_may_not_be_framed(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers

    policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["worker-src"] == "'self' blob:"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/graphiql"])
async def test_a_page_names_no_other_host(client: httpx.AsyncClient, path: str) -> None:
    page = await client.get(path)

    assert re.findall(r'(?:src|href)="(?:\w+:)?//[^"]*', page.text) == []


async def test_an_asset_is_kept_for_ever_and_sent_compressed(client: httpx.AsyncClient, built: Path) -> None:
    script = next((built / "assets").glob("graphiql-*.js"))

    plain = await client.get(f"/assets/{script.name}")
    async with client.stream("GET", f"/assets/{script.name}", headers={"accept-encoding": "br, gzip"}) as small:
        packed = b"".join([chunk async for chunk in small.aiter_raw()])

    assert plain.headers["cache-control"] == small.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["content-type"] == small.headers["content-type"] == "text/javascript; charset=utf-8"
    assert plain.headers["vary"] == small.headers["vary"] == "accept-encoding"
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert len(packed) == int(small.headers["content-length"])
    assert gzip.decompress(packed) == plain.content == script.read_bytes()


async def test_an_asset_that_the_caller_has_is_not_sent_again(client: httpx.AsyncClient, built: Path) -> None:
    script = next((built / "assets").glob("graphiql-*.js"))
    first = await client.get(f"/assets/{script.name}")

    again = await client.get(f"/assets/{script.name}", headers={"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip", "gzip"), ("br;q=1, GZIP;q=0.5", "gzip"), ("gzip;q=0", None), ("br", None), ("", None)],
)
async def test_compression_is_the_callers_choice(
    client: httpx.AsyncClient, built: Path, accepted: str, encoding: str | None
) -> None:
    style = next((built / "assets").glob("graphiql-*.css"))

    sheet = await client.get(f"/assets/{style.name}", headers={"accept-encoding": accepted})

    assert sheet.headers.get("content-encoding") == encoding
    assert sheet.content == style.read_bytes()


def test_the_whole_build_is_small_enough_to_send(built: Path) -> None:
    assert sum(file.stat().st_size for file in built.rglob("*.gz")) < 2_500_000


async def test_an_unknown_path_is_answered_with_what_exists(client: httpx.AsyncClient) -> None:
    page = await client.get("/nowhere", headers={"accept": "text/html"})

    assert page.status_code == 404
    links = re.findall(r'href="(/[^"]*)"', page.text)
    assert links == ["/", "/graphiql", "/graphql", "/schema.graphql", "/docs", "/healthz"]


async def test_a_caller_that_reads_no_html_is_told_in_text(client: httpx.AsyncClient) -> None:
    answer = await client.get("/assets/nothing.js")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith("Not found. Transom answers at:\n  /                the start page\n")


async def test_links_keep_the_prefix_that_the_application_is_mounted_under(built: Path) -> None:
    app = Starlette(routes=[Mount("/chat", app=served(built))])
    async with caller(app) as client:
        page = await client.get("/chat/nowhere", headers={"accept": "text/html"})

    assert '<a href="/chat/graphiql">' in page.text


@pytest.mark.parametrize("path", ["/", "/graphiql"])
async def test_without_a_build_a_page_says_how_to_make_it(tmp_path: Path, path: str) -> None:
    async with caller(served(tmp_path / "dist")) as client:
        page = await client.get(path)
        asset = await client.get("/assets/graphiql.js")

    assert page.status_code == 503
    assert "<pre>make web</pre>" in page.text
    assert asset.status_code == 404


async def test_the_documentation_is_listed_and_read_as_text(built: Path, tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "start.md").write_text("# Start\n")
    (tmp_path / "protocol.md").write_text("# Protocol\n")
    async with caller(served(built, tmp_path)) as client:
        index = await client.get("/docs")
        page = await client.get("/docs/tasks/start.md")

    assert re.findall(r'href="(/[^"]*)"', index.text) == ["/docs/protocol.md", "/docs/tasks/start.md"]
    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert page.text == "# Start\n"
