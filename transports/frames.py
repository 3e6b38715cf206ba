"""The messages of the graphql-transport-ws protocol, read strictly.

See https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md.
"""

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

import orjson

from transports.encoding import decode, encode
from transports.errors import Code, Refused, refusal

PROTOCOL = "graphql-transport-ws"

_FROM_CLIENTS = {"connection_init", "ping", "pong", "subscribe", "complete"}


class Close(Exception):
    """The socket must be closed with this code and reason (at most 123 bytes)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason.encode()[:123].decode(errors="ignore")


class Spoiled(Exception):
    """A `subscribe` that cannot be carried out, though it is known whose: its operation is refused, and no other."""

    def __init__(self, id_: str, refused: Refused) -> None:
        super().__init__(id_)
        self.id = id_
        self.refused = refused


def read(message: Mapping[str, Any], longest: int) -> dict[str, Any]:
    """A message of the client: a dict whose `type`, `id` and `payload` are as the protocol says.

    Of a `ping`, `pong` or `complete` that is too large or not JSON, what can be told of it: nobody needs the rest.

    Raises:
        Spoiled: it is a `subscribe` that is larger than `longest` bytes, not JSON, or has a bad payload.
        Close: it is anything else that is too large (1009), or no valid message (4400).
    """
    text = message.get("text")
    if text is None:
        raise Close(4400, "Messages must be text frames.")
    raw: bytes = text.encode()
    if len(raw) > longest:
        too_large = f"A message may have at most {longest:,} bytes; this one has {len(raw):,}."
        return _outlined(text, refusal(Code.BAD_REQUEST, too_large), Close(1009, too_large))
    try:
        frame = decode(raw)
    except Refused as refused:
        return _outlined(text, refused, Close(4400, refused.errors[0].message))
    if not isinstance(frame, dict):
        raise Close(4400, "The message must be a JSON object.")
    kind = frame.get("type")
    if not isinstance(kind, str) or kind not in _FROM_CLIENTS:
        raise Close(4400, "The message has no type that clients may send.")
    if kind in {"subscribe", "complete"}:
        if not isinstance(frame.get("id"), str) or not frame["id"]:
            raise Close(4400, f"The message '{kind}' needs an 'id' that is a string and not empty.")
        if kind == "subscribe" and not isinstance(frame.get("payload"), dict):
            wrong = "The message 'subscribe' needs a 'payload' that is an object."
            raise Spoiled(frame["id"], refusal(Code.BAD_REQUEST, wrong))
    elif not isinstance(frame.get("payload"), dict | None):
        raise Close(4400, f"The 'payload' of the message '{kind}' must be an object.")
    return frame


_SEARCHED = 1_000_000
"""Characters in which it is looked for whose a spoiled message is; clients write the id first."""
_MOST_TOKENS = 10_000
_TOKENS = re.compile(r'("(?:[^"\\]|\\.)*+")(?:\s*+:\s*+("(?:[^"\\]|\\.)*+"))?+|[\[{]|[\]}]', re.DOTALL)
"""Strings, in pairs where the second is the value of the first, and brackets: all that it takes to know the level."""


def _outlined(text: str, refused: Refused, closing: Close) -> dict[str, Any]:
    """The message in a text that is not read as JSON, without its payload.

    Raises:
        Spoiled: it is a `subscribe`, and it is known whose.
        Close: it cannot be told what it is.
    """
    found: dict[str, object] = {}
    level = 0
    for token in islice(_TOKENS.finditer(text, 0, _SEARCHED), _MOST_TOKENS):
        name, value = token.groups()
        if name is None:
            level += 1 if token[0] in "[{" else -1
        elif level == 1 and value is not None and name in {'"id"', '"type"'}:
            try:
                found[name] = decode(value)
            except Refused:
                raise closing from None
        if len(found) == 2:
            break
    kind, id_ = found.get('"type"'), found.get('"id"')
    if kind in {"ping", "pong"}:
        return {"type": kind}
    if isinstance(id_, str) and id_:
        if kind == "subscribe":
            raise Spoiled(id_, refused)
        if kind == "complete":
            return {"type": kind, "id": id_}
    raise closing


def write(kind: str, *, id_: str | None = None, payload: object = None) -> str:
    """The text of a message to the client, without the fields that are `None`."""
    frame: dict[str, Any] = {"type": kind}
    if id_ is not None:
        frame["id"] = id_
    if payload is not None:
        frame["payload"] = payload
    return encode(frame).decode()


def next_prefix(id_: str) -> bytes:
    """What stands before the result in every `next` message of an operation; `}` follows it."""
    return b'{"id":%b,"type":"next","payload":' % orjson.dumps(id_)
