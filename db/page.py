"""Pages by keyset: which rows are asked for, and which came."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Span[Key]:
    """At most `limit` rows strictly between two keys: the first of them, or the last where `backward`."""

    limit: int
    after: Key | None = None
    before: Key | None = None
    backward: bool = False


@dataclass(frozen=True, slots=True)
class Page[R]:
    """Rows in list order, and whether the list goes on at either end."""

    rows: Sequence[R]
    has_previous: bool
    has_next: bool

    @classmethod
    def of[Key](cls, found: Sequence[R], span: Span[Key]) -> "Page[R]":
        """The page of rows that were read in reading order, one more than the limit where there are more."""
        more = len(found) > span.limit
        rows = list(found[: span.limit])
        if span.backward:
            return cls(rows[::-1], has_previous=more, has_next=span.before is not None)
        return cls(rows, has_previous=span.after is not None, has_next=more)


def descending[*Columns](
    query: sa.Select[*Columns], span: Span[Any], *columns: sa.ColumnElement[Any]
) -> sa.Select[*Columns]:
    """Restricts a query to a span of the list that is ordered by `columns`, newest first.

    A key of the span is a tuple of the columns' values. Reads one row more than the limit, for `Page.of`.
    """
    key = sa.tuple_(*columns)
    if span.after is not None:
        query = query.where(key < sa.tuple_(*span.after))
    if span.before is not None:
        query = query.where(key > sa.tuple_(*span.before))
    order = [column.asc() if span.backward else column.desc() for column in columns]
    return query.order_by(*order).limit(span.limit + 1)
