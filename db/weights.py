"""Statements whose rows may be large read no more of them than there is room for in an answer.

Adding up in a statement what rows weigh makes a page noticeably slower. So pages are read without what long messages
say, which few have, and those are read by a second statement.
"""

from collections.abc import Sequence
from operator import itemgetter

from db import budgets, rows
from db.reader import Reader, Statement

_WEIGHT = """
    octet_length({0}.content) + pg_column_size({0}.metadata) + greatest(octet_length({0}.content), CASE
        WHEN pg_column_size({0}.parts) > 8000 AND pg_column_compression({0}.parts) IS NOT NULL
        THEN octet_length({0}.parts::text) ELSE pg_column_size({0}.parts) END)
"""


def weight(alias: str) -> str:
    """About how many bytes the driver gets of a message or a revision, in SQL.

    What is not much, or not compressed, is not read for that.
    """
    return _WEIGHT.format(alias)


def bounded(columns: str, source: str, *, weight: str, order: str, room: str) -> str:
    """A query for rows of a source until they have as many bytes as there is `room` for, with the row that is too much.

    `weight` is the bytes of a row. Column `bytes` is the sum up to the row, in this order. For `Reader.bounded`.
    """
    return f"""
    SELECT * FROM (
        SELECT {columns}, {weight} AS weight, sum({weight}) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) AS bytes
        FROM {source}
    ) AS weighed
    WHERE bytes - weight < {room}::bigint
    """


_WHOLE = Statement.of(
    bounded(
        rows.MESSAGE_COLUMNS,
        "messages AS message WHERE message.id = ANY ($2::uuid[])",
        weight=weight("message"),
        order="message.id",
        room="$3",
    )
    + "ORDER BY bytes",
    rows.Message,
)
_content, _parts = itemgetter("content"), itemgetter("parts")


async def whole(reader: Reader, found: Sequence[rows.Message]) -> Sequence[rows.Message]:
    """Messages that were read by `rows.LIGHT_COLUMNS`, whole. Those that are gone by now are left out.

    Raises:
        budgets.Exhausted: there is less room in the answer that they are read for.
    """
    budget = budgets.current()
    try:
        size = _size(found)
    except TypeError:  # some of it is withheld
        if budget is not None:
            budget.read(_size([row for row in found if row["content"] is not None]))
    else:
        if budget is not None:
            budget.read(size)
        return found
    heavy = [row.id for row in found if row["content"] is None]
    read = {row.id: row for row in await reader.bounded(_WHOLE, heavy)}
    return [read.get(row.id, row) for row in found if row["content"] is not None or row.id in read]


_SESSION = [itemgetter(name) for name in ("metadata", "state", "draft")]


def count(found: Sequence[rows.Seen]) -> None:
    """Counts what sessions have that may be long.

    Raises:
        budgets.Exhausted: there is less room in the answer that they are read for.
    """
    if (budget := budgets.current()) is not None:
        budget.read(sum(sum(map(len, filter(None, map(column, found)))) for column in _SESSION))


def _size(found: Sequence[rows.Message]) -> int:
    return sum(map(len, map(_content, found))) + sum(map(len, map(_parts, found)))
