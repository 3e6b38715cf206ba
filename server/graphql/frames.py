"""The messages of the graphql-transport-ws protocol, read strictly.

See https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md.
"""

from collections.abc import Mapping
from typing import Any

import orjson

PROTOCOL = "graphql-transport-ws"

_FROM_CLIENTS = {"connection_init", "ping", "pong", "subscribe", "complete"}


class Close(Exception):
    """The socket must be closed with this code and reason (at most 123 bytes)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason.encode()[:123].decode(errors="ignore")


def read(message: Mapping[str, Any], longest: int) -> dict[str, Any]:
    """A message of the client: a dict whose `type`, `id` and `payload` are as the protocol says.

    Raises:
        Close: it is too large (1009), or anything else than a valid message (4400).
    """
    text = message.get("text")
    if text is None:
        raise Close(4400, "Messages must be text frames.")
    if len(text) > longest:
        raise Close(1009, f"A message may have at most {longest:,} characters.")
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Close(4400, "The message is not valid JSON.") from None
    if not isinstance(frame, dict):
        raise Close(4400, "The message must be a JSON object.")
    kind = frame.get("type")
    if not isinstance(kind, str) or kind not in _FROM_CLIENTS:
        raise Close(4400, "The message has no type that clients may send.")
    if kind in {"subscribe", "complete"}:
        if not isinstance(frame.get("id"), str) or not frame["id"]:
            raise Close(4400, f"The message '{kind}' needs an 'id' that is a string and not empty.")
        if kind == "subscribe" and not isinstance(frame.get("payload"), dict):
            raise Close(4400, "The message 'subscribe' needs a 'payload' that is an object.")
    elif not isinstance(frame.get("payload"), dict | None):
        raise Close(4400, f"The 'payload' of the message '{kind}' must be an object.")
    return frame


def write(kind: str, *, id_: str | None = None, payload: object = None) -> str:
    """The text of a message to the client, without the fields that are `None`."""
    frame: dict[str, Any] = {"type": kind}
    if id_ is not None:
        frame["id"] = id_
    if payload is not None:
        frame["payload"] = payload
    return orjson.dumps(frame).decode()


def next_prefix(id_: str) -> bytes:
    """What stands before the result in every `next` message of an operation; `}` follows it."""
    return b'{"id":%b,"type":"next","payload":' % orjson.dumps(id_)
