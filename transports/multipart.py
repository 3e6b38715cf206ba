"""Subscriptions in one multipart answer, as Apollo Client and urql ask for them where there is no socket.

See https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol and RFC 2046,
section 5.1. Readers hand a part on when the next boundary comes, so each part brings the boundary behind it along.
"""

from transports.encoding import encode
from transports.errors import Refused
from transports.results import Result
from transports.streams import Format

_BOUNDARY = b"\r\n--graphql"


def _part(body: bytes) -> bytes:
    return b"\r\ncontent-type: application/json\r\n\r\n%b%b" % (body, _BOUNDARY)


def _payload(result: Result) -> bytes:
    return _part(b'{"payload":%b}' % result.body)


def _broken(refused: Refused) -> bytes:
    return _part(encode({"payload": None, "errors": refused.formatted}))


PARTS = Format(
    headers=(
        (b"content-type", b'multipart/mixed; boundary="graphql"; subscriptionSpec="1.0"'),
        (b"cache-control", b"no-cache, no-transform"),
        (b"vary", b"accept"),
        (b"x-accel-buffering", b"no"),
    ),
    opening=_BOUNDARY,
    ping=_part(b"{}"),
    result=_payload,
    broken=_broken,
    ending=b"--\r\n",
)
"""Results are the `payload` of a part each."""
