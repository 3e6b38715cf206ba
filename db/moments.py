"""Times as PostgreSQL sends them: microseconds since the year 2000, which most readers of a row never look at.

The driver makes a `datetime` of each at once, which takes ten times as long as any other value of a row; and what it
makes of the first and the last one that there is, is no time at all.
"""

import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SINCE_1970 = 946_684_800_000_000
_AS_DOUBLE = 1 << 52
"""Microseconds either side of 2000, give or take 30 years, in which a double is exact."""
_LAYOUT = struct.Struct("!q")

type Moment = tuple[int]

count = _LAYOUT.unpack
"""The `Moment` in the binary form of a `timestamptz`."""


def written(text: str) -> datetime:
    """The time, in UTC, that was written by `str`.

    Raises:
        ValueError: none was, or it has no time zone.
    """
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    try:
        return found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def packed(at: datetime) -> bytes:
    """The binary form of a time."""
    return _LAYOUT.pack((at - _BEGINNING) // _MICROSECOND)


def at(moment: Moment) -> datetime:
    """The time, in UTC, exactly; what is before the first or after the last `datetime` is that."""
    count = moment[0]
    if -_AS_DOUBLE < count < _AS_DOUBLE:
        return datetime.fromtimestamp((count + _SINCE_1970) / 1_000_000, UTC)
    try:
        return _BEGINNING + timedelta(microseconds=count)
    except OverflowError:
        return (datetime.min if count < 0 else datetime.max).replace(tzinfo=UTC)


def read_exactly(engine: sa.Engine) -> None:
    """Makes an engine write and read the first and the last time, too, which the driver takes for infinite ones."""

    def connected(connection: Any, _record: Any) -> None:
        connection.run_async(
            lambda driver: driver.set_type_codec(
                "timestamptz",
                schema="pg_catalog",
                format="binary",
                encoder=packed,
                decoder=lambda data: at(count(data)),
            )
        )

    event.listen(engine, "connect", connected)
