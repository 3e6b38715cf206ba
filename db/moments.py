"""Times as PostgreSQL sends them: microseconds since the year 2000, which most readers of a row never look at.

The driver makes a `datetime` of each at once, which takes ten times as long as any other value of a row.
"""

import struct
from datetime import UTC, datetime, timedelta

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SINCE_1970 = 946_684_800_000_000
_LAYOUT = struct.Struct("!q")

type Moment = tuple[int]

count = _LAYOUT.unpack
"""The `Moment` in the binary form of a `timestamptz`."""


def packed(at: datetime) -> bytes:
    """The binary form of a time."""
    return _LAYOUT.pack((at - _BEGINNING) // _MICROSECOND)


def at(moment: Moment) -> datetime:
    """The time, in UTC; exact to the microsecond in the years that a conversation can be of."""
    return datetime.fromtimestamp((moment[0] + _SINCE_1970) / 1_000_000, UTC)
