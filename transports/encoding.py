"""JSON, both ways.

orjson does it, and what it refuses although RFC 8259 allows it takes a slow way: halves of surrogate pairs, integers
beyond 64 bits, numbers beyond a double, deep nesting, a byte order mark.
"""

import codecs
import json
import math
from datetime import datetime
from typing import Any, Never

import orjson

from db import texts
from transports.errors import Code, Refused, refusal

DEEPEST = 200
"""Arrays and objects of a request inside each other."""

_AS_ZERO = bytes(ord("0") if chr(byte).isdecimal() else ord(".") for byte in range(128)) + b"." * 128
_BEYOND_64_BITS = b"0" * 19
"""So many digits may be an integer that orjson would round without a word."""
_NESTS = frozenset({dict, list})
_LONGEST_INTEGER = 4_000
"""Digits that Python makes an integer of (`sys.set_int_max_str_digits`)."""


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
    """Decoded JSON: each integer exactly, a number beyond a double as infinite, half a surrogate pair as U+FFFD.

    Of two members with one name the last one counts.

    Raises:
        Refused: it is not JSON, not UTF-8, or nested more than `DEEPEST` deep.
    """
    raw = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if _BEYOND_64_BITS in raw.translate(_AS_ZERO):
        return _slowly(raw)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _slowly(raw)
    _check_depth(raw, value)
    return value


def _slowly(raw: bytes) -> Any:
    try:
        value = json.loads(raw.removeprefix(codecs.BOM_UTF8).decode(), parse_int=_integer, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise _malformed(f"it is not UTF-8, at byte {error.start + 1:,}") from error
    except json.JSONDecodeError as error:
        raise _malformed(f"it goes wrong at character {error.pos + 1:,}") from error
    except RecursionError as error:
        raise _too_deep() from error
    _check_depth(raw, value)
    return _well_formed(value)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else math.copysign(math.inf, -1 if digits[0] == "-" else 1)


def _no_number(name: str) -> Never:
    raise _malformed(f"JSON has no {name}")


def _check_depth(raw: bytes, value: Any) -> None:
    if raw.count(b"[") + raw.count(b"{") <= DEEPEST:
        return
    level, depth = [value] if type(value) in _NESTS else [], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise _too_deep()
        level = [
            inner
            for each in level
            for inner in (each.values() if type(each) is dict else each)
            if type(inner) in _NESTS
        ]


def _well_formed(value: Any) -> Any:
    match value:
        case str():
            return texts.well_formed(value)
        case dict():
            return {texts.well_formed(name): _well_formed(each) for name, each in value.items()}
        case list():
            return [_well_formed(each) for each in value]
    return value


def _malformed(why: str) -> Refused:
    return refusal(Code.BAD_REQUEST, f"The request is not valid JSON: {why}.")


def _too_deep() -> Refused:
    return refusal(Code.BAD_REQUEST, f"The request's JSON is nested more than {DEEPEST} levels deep.")
