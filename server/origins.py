"""Whose pages may use the API from a browser: those of this server, of this machine, and of origins that are set.

Browsers name in `Origin` the page that calls; other programs send none, and are let in. Whoever is asked for no token
is on this machine, and so are the pages that the developer serves from another port; with authentication only the
settings let other origins in.
"""

import logging
from collections.abc import Collection
from typing import override
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from strawberry.http.websocket_origin import is_same_origin, normalize_origin

from server import hosts

_log = logging.getLogger("transom.origins")

_METHODS = ("GET", "POST")
_MOST_LOGGED = 100
_LONGEST_SHOWN = 200


class Origins:
    """The origins that are let in: `allowed` (as browsers write them, or `*`), and of this machine if `loopback`."""

    def __init__(self, allowed: Collection[str], *, loopback: bool) -> None:
        self._allowed = frozenset(allowed)
        self._loopback = loopback
        self._logged: set[str] = set()

    def allow(self, origin: str) -> bool:
        """Whether pages of another origin than this server's are let in."""
        if "*" in self._allowed:
            return True
        written = normalize_origin(origin)
        return written is not None and (written in self._allowed or (self._loopback and is_loopback(written)))

    def admit(self, headers: Headers) -> str | None:
        """Why a page may not open a socket, in a sentence that says what to set; None where it may."""
        origin = headers.get("origin")
        if origin is None or is_same_origin(origin, headers.get("host")) or self.allow(origin):
            return None
        return self.refuse(origin)

    def refuse(self, origin: str) -> str:
        """The sentence for a page that is not let in; the log has it once for each origin."""
        written = normalize_origin(origin)
        if written is None:
            reason = (
                f"Pages without an address of their own (origin {origin[:_LONGEST_SHOWN]!r}) may not use this server."
            )
        else:
            shown = written[:_LONGEST_SHOWN]
            reason = f"Pages of {shown} may not use this server. To let them in, set TRANSOM_ALLOWED_ORIGINS={shown}"
        if origin not in self._logged and len(self._logged) < _MOST_LOGGED:
            self._logged.add(origin)
            _log.warning("%s", reason)
        return reason


def is_loopback(origin: str) -> bool:
    """Whether an origin is a web page's of this machine, as `hosts.is_loopback` says; any port."""
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and hosts.is_loopback(parts.netloc.encode())


class CrossOrigin(CORSMiddleware):
    """Answers browsers that ask for a page of another origin (https://fetch.spec.whatwg.org/#http-cors-protocol)."""

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        # Any header: Apollo Client and tracers send their own, and no cookie counts here.
        super().__init__(app, allow_methods=_METHODS, allow_headers=["*"], allow_private_network=True, max_age=86_400)
        self._origins = origins

    @override
    def is_allowed_origin(self, origin: str) -> bool:
        return self._origins.allow(origin)

    @override
    def preflight_response(self, request_headers: Headers) -> Response:
        origin = request_headers["origin"]
        if not self._origins.allow(origin):
            return PlainTextResponse(f"{self._origins.refuse(origin)}\n", 403, {"vary": "Origin"})
        response = super().preflight_response(request_headers)
        if response.status_code != 200:
            return PlainTextResponse(f"Pages may send {' and '.join(_METHODS)} only.\n", 405, {"allow": "GET, POST"})
        return response

    @override
    async def simple_response(self, scope: Scope, receive: Receive, send: Send, request_headers: Headers) -> None:
        origin = request_headers.get("origin")
        if origin is not None and _crosses(scope, request_headers, origin) and not self._origins.allow(origin):
            self._origins.refuse(origin)  # the page itself cannot read any answer
        await super().simple_response(scope, receive, send, request_headers)


def _crosses(scope: Scope, headers: Headers, origin: str) -> bool:
    """Whether a browser keeps the answer from the page: one behind a proxy may send an `Origin` that is its own."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("cross-site", "same-site")
    return scope["method"] == "GET" and not is_same_origin(origin, headers.get("host"))
