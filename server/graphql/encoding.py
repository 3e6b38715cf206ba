"""JSON, both ways."""

import json
from datetime import datetime
from typing import Any

import orjson

from server.graphql.errors import Code, refusal


def encode(value: object) -> bytes:
    """UTF-8 JSON.

    orjson refuses integers beyond 64 bits and lone surrogates, which JSON allows; those take the slow way.

    Raises:
        TypeError: the value has no JSON form.
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":"), default=_known).encode()


def _known(value: object) -> Any:
    """What orjson writes as it is, and the slow way does not know."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, orjson.Fragment):
        return json.loads(value.contents)
    raise TypeError(f"{type(value).__name__} has no JSON form.")


def decode(text: bytes | str) -> Any:
    """Decoded JSON.

    Raises:
        Refused: it is not JSON, or not UTF-8.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise refusal(Code.BAD_REQUEST, "The request is not valid JSON.") from error
