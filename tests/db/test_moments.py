"""Times, as they are stored and read."""

import struct
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from db import moments
from db.database import Database

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_time_is_read_as_it_was_written(at: datetime) -> None:
    assert moments.at(moments.count(moments.packed(at))) == at


@pytest.mark.parametrize("count", [-(2**63), 2**63 - 1])
def test_what_is_infinite_in_the_database_is_read_as_the_first_or_last_time(count: int) -> None:
    assert moments.at(moments.count(struct.pack("!q", count))) == (FIRST if count < 0 else LAST)


@pytest.mark.parametrize("at", [FIRST, FIRST + timedelta(microseconds=1), LAST, LAST - timedelta(microseconds=1)])
async def test_the_first_and_the_last_time_are_stored(db: Database, at: datetime) -> None:
    async with db.system() as tx:
        found = (await tx.execute(sa.text("SELECT CAST(:at AS timestamptz) AS at, isfinite(:at)"), {"at": at})).one()
    assert tuple(found) == (at, True)
    assert found.at.tzinfo is UTC


async def test_a_time_in_another_zone_is_stored_as_the_same_instant(db: Database) -> None:
    at = datetime(2025, 1, 31, 14, 0, 0, 5, timezone(timedelta(hours=5, minutes=30)))
    async with db.system() as tx:
        assert (await tx.scalar(sa.text("SELECT CAST(:at AS timestamptz)"), {"at": at})) == at


@pytest.mark.parametrize("text", ["", "2025-01-31", "2025-01-31T12:00:00", "0001-01-01T00:00:00+14:00", "infinity"])
def test_what_was_not_written_is_no_time(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (its text is nobody's)
        moments.written(text)
