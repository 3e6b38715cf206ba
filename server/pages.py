"""The pages of the browser part: the start page, GraphiQL, their assets, and the page for what is not here."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import Scope

from . import manual, page_texts

DIST = Path(__file__).parent.parent / "web" / "dist"
DOCS = Path(__file__).parent.parent / "docs"

# Said here because a machine's own table of types may lack them.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
}


# Monaco and React write style attributes; everything else comes from this origin, as a file.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

SECURITY_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}


def routes(dist: Path = DIST, docs: Path = DOCS, *, token: bool = False) -> list[Route | Mount]:
    """The routes `/`, `/graphiql` and `/assets`, served from the build in `dist`; and `/docs`, made from `docs`.

    Without a build there, both pages answer 503 with the command that makes it; a build made later is served at once.
    Where the API asks for a `token`, the pages say so.
    """
    return [
        Route("/", _page(dist / "index.html", token=token), name="start"),
        Route("/graphiql", _page(dist / "graphiql.html", token=token), name="graphiql"),
        Mount("/assets", _Assets(directory=dist / "assets", check_dir=False), name="assets"),
        *manual.routes(docs, _Files(directory=docs, check_dir=False), SECURITY_HEADERS),
    ]


async def not_found(request: Request, error: Exception) -> Response:
    """Answers an unknown path with what exists: a page for browsers, text for everyone else.

    To be installed as the application's handler of status 404; the headers of an `HTTPException` are kept.
    """
    headers = {**SECURITY_HEADERS, "vary": "accept"}
    if isinstance(error, HTTPException):
        headers |= error.headers or {}
    if "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse(page_texts.not_found_text(), 404, headers)
    return HTMLResponse(page_texts.not_found(request.scope.get("root_path", "")), 404, headers)


def _page(file: Path, *, token: bool) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that sends `file`, to be asked for again each time, so that a new build is seen at once."""

    async def page(_request: Request) -> Response:
        headers = {**SECURITY_HEADERS, "cache-control": "no-cache"}
        try:
            html = await anyio.Path(file).read_text()
        except FileNotFoundError:
            return HTMLResponse(page_texts.not_built(), 503, headers)
        return HTMLResponse(html.replace("<html", '<html data-token="needed"', 1) if token else html, headers=headers)

    return page


class _Files(StaticFiles):
    """Files with their right types and with the security headers; a missing folder is empty."""

    cache_control = "no-cache"

    async def check_config(self) -> None:
        """Says nothing of a missing folder."""

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, or 304 where the caller has it."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        media_type = _TYPES.get(Path(full_path).suffix)
        if media_type and response.status_code != 304:
            response.headers["content-type"] = media_type
        response.headers.update({**SECURITY_HEADERS, "cache-control": self.cache_control})
        return response


class _Assets(_Files):
    """Files whose names carry a hash of their content; the compressed copy goes to all who accept gzip."""

    cache_control = "public, max-age=31536000, immutable"

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, or its `.gz` copy, for a year; 304 where the caller has it."""
        copy = Path(f"{os.fspath(full_path)}.gz")
        compressed = _accepts_gzip(Headers(scope=scope)) and copy.is_file()
        if not compressed:
            response = super().file_response(full_path, stat_result, scope, status_code)
        else:
            response = super().file_response(copy, copy.stat(), scope, status_code)
            response.headers["content-encoding"] = "gzip"
            if response.status_code != 304:
                response.headers["content-type"] = _TYPES.get(Path(full_path).suffix, "application/octet-stream")
        response.headers["vary"] = "accept-encoding"
        return response


def _accepts_gzip(headers: Headers) -> bool:
    """Whether `accept-encoding` names gzip, and not with quality 0 (RFC 9110, section 12.5.3)."""
    for choice in headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = choice.replace(" ", "").partition(";q=")
        if name == "gzip":
            return quality.strip("0.") != "" or quality == ""
    return False
