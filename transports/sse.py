"""GraphQL over server-sent events: the distinct connections mode of the graphql-sse protocol.

See https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md and, for the lines, section 9.2 of the HTML
standard.
"""

from transports.encoding import encode
from transports.errors import Refused
from transports.results import Result
from transports.streams import Format


def _event(result: Result) -> bytes:
    # An id with a line end would end the line, and one with a null character is ignored by clients.
    id_ = f"id: {result.event_id}\n".encode() if result.event_id and result.event_id.isprintable() else b""
    return b"%bevent: next\ndata: %b\n\n" % (id_, result.body)


def _broken(refused: Refused) -> bytes:
    return _event(Result(encode({"errors": refused.formatted}), None))


EVENTS = Format(
    headers=(
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-cache, no-transform"),
        (b"vary", b"accept"),
        (b"x-accel-buffering", b"no"),
    ),
    opening=b":\n\n",
    ping=b": ping\n\n",
    result=_event,
    broken=_broken,
    ending=b"event: complete\ndata: \n\n",
)
"""Results are `next` events, then comes `complete`."""
