"""Values that clients write as they like: what is taken of them, and in which words the rest is refused."""

import math
import re
from datetime import UTC, datetime
from typing import Any

import strawberry
from graphql import GraphQLError

DEEPEST = 100
"""Arrays and objects of a JSON value inside each other."""

_LOWEST, _HIGHEST = -(2**63), 2**64 - 1
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:([Zz])|([+-]\d\d:[0-5]\d))?", re.ASCII
)  # RFC 3339, section 5.6; but for the zone, which is missed in words of its own


def refused(reason: str) -> GraphQLError:
    """What a scalar raises: the client reads this, behind the place of the value."""
    return GraphQLError(reason, extensions={"code": "BAD_USER_INPUT"})


def json(value: object) -> object:
    """A JSON value, unless something in it could not be kept as it is.

    Raises:
        GraphQLError: it is nested too deeply, or has a number beyond a double, or an integer beyond 64 bits.
    """
    _check(value, "", 0)
    return value


def _check(value: object, place: str, depth: int) -> None:
    match value:
        case dict() | list() if depth == DEEPEST:
            raise refused(f"It is nested more than {DEEPEST} levels deep.")
        case dict():
            for name, each in value.items():
                _check(each, f"{place}.{name}", depth + 1)
        case list():
            for number, each in enumerate(value):
                _check(each, f"{place}[{number}]", depth + 1)
        case int() if not _LOWEST <= value <= _HIGHEST:
            raise refused(f"{_number(place)} is an integer beyond 64 bits. Send it as text.")
        case float() if not math.isfinite(value):
            raise refused(f"{_number(place)} is larger than a number can be (about 1.8e308). Send it as text.")


def _number(place: str) -> str:
    return f"The number at `{place.removeprefix('.')[:200]}`" if place else "The number"


def time(value: object) -> datetime:
    """A time as RFC 3339 writes it, in UTC; what is behind the microsecond is cut off.

    Raises:
        GraphQLError: it is no such time, has no zone, or is outside the years 1 to 9999 in UTC.
    """
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise refused("Write a time as RFC 3339 does: `2025-01-31T12:00:00Z`, or `2025-01-31T14:00:00.5+02:00`.")
    day, hour, fraction, utc, offset = found.groups()
    if utc is None and offset is None:
        raise refused("It has no time zone. Write `Z` behind it for UTC, or an offset such as `+02:00`.")
    try:
        at = datetime.fromisoformat(f"{day}T{hour}.{(fraction or '')[:6]:0<6}{offset or '+00:00'}")
    except ValueError:
        raise refused("There is no such day, time of day or offset. The last second of a day is 23:59:59.") from None
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise refused("It is outside the years 0001 to 9999 in UTC.") from None


SCALARS: dict[object, Any] = {
    strawberry.scalars.JSON: strawberry.scalar(
        name="JSON",
        description="A value as JSON has it (RFC 8259). Integers have at most 64 bits, other numbers are doubles, and "
        f"arrays and objects are at most {DEEPEST} levels deep; what is beyond that is refused.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=lambda value: value,
        parse_value=json,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A point in time as RFC 3339 writes it, with a time zone, such as `2025-01-31T12:00:00Z`. It is "
        "kept to the microsecond; further digits are cut off.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=strawberry.schema.types.base_scalars.isoformat,
        parse_value=time,
    ),
}
"""In place of those that Strawberry has."""
