"""What a browser is sent: the pages, their assets, and what it is told when something is not there."""

import gzip
import os
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


@pytest.mark.parametrize("path", ["/", "/graphiql", "/docs", "/docs/protocol", "/docs/protocol.md", "/nowhere"])
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
    assert links == ["/", "/graphiql", "/graphql", "/schema.graphql", "/possibleTypes.json", "/docs", "/healthz"]


async def test_a_caller_that_reads_no_html_is_told_in_text(client: httpx.AsyncClient) -> None:
    answer = await client.get("/assets/nothing.js")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    first, *places = answer.text.splitlines()
    assert (first, places[0].split(maxsplit=1)) == ("Not found. Transom answers at:", ["/", "the start page"])
    assert len({re.match(r"  \S+ +", place).end() for place in places}) == 1  # type: ignore[union-attr]


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


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with documentation of every kind; its folder `docs`."""
    texts = {
        "README.md": """
# Ours

What it *is*: good.

[Start](docs/guide/start.md), [why](docs/decisions/), [law](LICENSE)
""",
        "LICENSE": "Do.\n",
        "secrets.env": "hush\n",
        "docs/protocol.md": """
# Protocol

## Ids & `names`

## Ids & `names`

![Chart](charts/a.svg) [x](nowhere.md)
""",
        "docs/guide/start.md": """
# Start

<script>alert(1)</script>

[Ids](../protocol.md#ids--names)

<!-- out -->
""",
        "docs/guide/code.md": """
# Code

```js name
let a = '<b>'
```

```mermaid
A->>B: one<br/>two
```

| a |
|---|
| b |
""",
        "docs/decisions/0001-x.md": "# 1. X\n",
        "docs/charts/a.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "docs"


@pytest.fixture
async def reader(built: Path, project: Path) -> AsyncGenerator[httpx.AsyncClient]:
    """A caller of a server with that documentation, under a prefix."""
    async with caller(Starlette(routes=[Mount("/chat", app=served(built, project))])) as client:
        yield client


async def test_the_index_lists_what_one_reads_first_at_first(reader: httpx.AsyncClient) -> None:
    index = await reader.get("/chat/docs")

    assert index.headers["content-type"] == "text/html; charset=utf-8"
    listed = re.findall(r'<li><a href="/chat/docs/([^"]*)"><b>([^<]*)</b><span>([^<]*)', index.text)
    assert listed == [
        ("README", "Ours", "What it is"),
        ("guide/code", "Code", ""),
        ("guide/start", "Start", ""),
        ("protocol", "Protocol", ""),
        ("decisions/0001-x", "1. X", ""),
    ]


async def test_a_page_leads_to_the_others_and_to_files_that_it_names(reader: httpx.AsyncClient) -> None:
    readme = (await reader.get("/chat/docs/README")).text
    article = readme.partition("<article>")[2].partition("</article>")[0]

    assert re.findall(r'href="([^"]*)"', article) == [
        "/chat/docs/guide/start",
        "/chat/docs#decisions",
        "/chat/docs/LICENSE",
    ]
    assert 'href="/chat/docs/protocol#ids--names"' in (await reader.get("/chat/docs/guide/start")).text
    assert (await reader.get("/chat/docs/LICENSE")).text == "Do.\n"
    assert (await reader.get("/chat/docs/secrets.env")).status_code == 404
    assert (await reader.get("/chat/docs/charts/a.svg")).headers["content-type"] == "image/svg+xml"


async def test_headings_have_the_anchors_that_github_gives_them(reader: httpx.AsyncClient) -> None:
    protocol = (await reader.get("/chat/docs/protocol")).text

    assert re.findall(r'<h2 id="([^"]*)">', protocol) == ["ids--names", "ids--names-1"]
    assert '<img src="/chat/docs/charts/a.svg" alt="Chart" loading="lazy" />' in protocol
    assert "<span>x</span>" in protocol, "a link that leads nowhere is only text"


async def test_html_is_text_and_comments_are_not_shown(reader: httpx.AsyncClient) -> None:
    start = (await reader.get("/chat/docs/guide/start")).text

    assert "<script" not in start
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in start
    assert "out -->" not in start


async def test_code_is_coloured_and_diagrams_and_tables_can_be_moved(reader: httpx.AsyncClient) -> None:
    code = (await reader.get("/chat/docs/guide/code")).text

    assert '<span class="c-kd">let</span>' in code
    assert "&lt;b&gt;" in code
    assert '<pre class="diagram" tabindex="0"><code>A-&gt;&gt;B: one two\n</code></pre>' in code
    assert '<div class="table" tabindex="0"><table>' in code


async def test_every_page_can_be_had_as_markdown(reader: httpx.AsyncClient, project: Path) -> None:
    for address, file in (("docs/README.md", "../README.md"), ("docs/protocol.md", "protocol.md")):
        page = await reader.get(f"/chat/{address}")
        assert page.headers["content-type"] == "text/plain; charset=utf-8"
        assert page.text == (project / file).read_text()


async def test_a_page_that_has_changed_is_shown_as_it_is_now(reader: httpx.AsyncClient, project: Path) -> None:
    assert "Later" not in (await reader.get("/chat/docs/protocol")).text
    (project / "protocol.md").write_text("# Later\n")
    os.utime(project / "protocol.md", (1, 1))

    assert '<h1 id="later">Later</h1>' in (await reader.get("/chat/docs/protocol")).text


async def test_without_documentation_the_index_says_so(built: Path, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Somebody else's\n")
    async with caller(served(built, tmp_path / "docs")) as client:
        assert "There are no pages in this installation." in (await client.get("/docs")).text
        assert (await client.get("/docs/README")).status_code == 404


async def test_every_link_of_the_documentation_leads_somewhere(client: httpx.AsyncClient) -> None:
    """From the index on, to every page, file, picture and heading."""
    found: dict[str, httpx.Response] = {}
    waiting = {"/docs"}
    while waiting:
        path = waiting.pop()
        found[path] = await client.get(path)
        assert found[path].status_code == 200, path
        if found[path].headers["content-type"].startswith("text/html") and path.startswith("/docs"):
            for target in re.findall(r'(?:href|src)="(/[^"#]*)', found[path].text):
                waiting |= {target} - found.keys()
    for path, page in found.items():
        for target, anchor in re.findall(r'href="([^"#]*)#([^"]+)"', page.text if path.startswith("/docs") else ""):
            assert f'id="{anchor}"' in found[target or path].text, (path, target, anchor)
    assert {"/docs/README", "/docs/protocol", "/docs/CONTRIBUTING", "/docs/graphiql.png"} <= found.keys()
    assert len([path for path in found if path.startswith("/docs/guide/") and not path.endswith(".md")]) >= 7
