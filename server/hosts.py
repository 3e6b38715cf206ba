"""Which hosts a server answers to that asks nobody who they are.

It listens on loopback only; but a page of any site may have its own name resolve to 127.0.0.1, and is of the same
origin as the server then, for its browser. What gives it away is the name in `Host`.
"""

import logging
import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address

from starlette.types import Receive, Scope, Send

from transports import Code
from transports.encoding import encode

_log = logging.getLogger("transom.hosts")

_MISDIRECTED = 421
_ADVICE = (
    "Without authentication this server answers to loopback hosts only. Call it as localhost or 127.0.0.1; behind a "
    "proxy on this machine, have that send such a `Host`. To serve other hosts, set TRANSOM_JWT_SECRET or "
    "TRANSOM_JWKS_URL."
)
_HOST = re.compile(rb"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]*)?", re.IGNORECASE)


@lru_cache(maxsize=256)
def is_loopback(host: bytes) -> bool:
    """Whether the value of a `Host` names this machine: `localhost`, what ends so, 127.0.0.0/8, `[::1]`; any port."""
    found = _HOST.fullmatch(host.strip(b" \t"))
    if found is None:
        return False
    name = (found[1] or found[2]).decode().lower().removesuffix(".")
    if found[1] is None and (name == "localhost" or name.endswith(".localhost")):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    return address.is_loopback and (address.version == 6) is (found[1] is not None)


def names_loopback(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request names one host, and that is loopback. What proxies add about hosts does not count."""
    hosts = [value for name, value in headers if name == b"host"]
    return len(hosts) == 1 and is_loopback(hosts[0])


class Refusal:
    """The answer to whoever calls the server by another name, on any path; the log has the first one."""

    def __init__(self, api: str) -> None:
        self._api = api
        self._logged = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or a WebSocket's handshake."""
        if not self._logged:
            self._logged = True
            hosts = [value.decode("latin-1")[:100] for name, value in scope["headers"] if name == b"host"]
            _log.warning("A request was refused for its host, %s. %s", ", ".join(map(repr, hosts)) or "none", _ADVICE)
        body, media_type = _ADVICE.encode() + b"\n", b"text/plain; charset=utf-8"
        if scope["path"] == self._api:
            error = {"message": _ADVICE, "extensions": {"code": Code.FORBIDDEN.value}}
            body, media_type = encode({"errors": [error]}), b"application/json; charset=utf-8"
        kind = "http"
        if scope["type"] == "websocket":
            await receive()
            kind = "websocket.http"
        headers = [
            (b"content-type", media_type),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": f"{kind}.response.start", "status": _MISDIRECTED, "headers": headers})
        await send({"type": f"{kind}.response.body", "body": body})
