"""How many rows the lists of the graph have at most, by what a call asks for: what an answer may cost is made of it.

What is a part of a row (a message's parts, its reactions, a project's stages) is no row, and needs no size.
"""

from collections.abc import Mapping

from chat.library import folders, templates
from chat.removal import bulk
from llm import offering
from schema.connection import LONGEST
from transports.size import Arguments, Size


def _number(value: object, otherwise: int) -> int:
    """A number of items that a client asks for; what cannot be one will be refused, and counts as most."""
    if value is None:
        return otherwise
    return min(value, LONGEST) if isinstance(value, int) and value >= 0 else LONGEST


def _page(default: int) -> Size:
    def of(given: Arguments) -> int:
        return _number(given.get("first", given.get("last")), _number(given.get("last"), default))

    return Size(of, ("first", "last"))


def _around(given: Arguments) -> int:
    return min(LONGEST, _number(given.get("before"), 25) + 1 + _number(given.get("after"), 25))


def _items(name: str, within: str | None = None) -> Size:
    """As many as a list among the arguments has, or in the input."""

    def of(given: Arguments) -> int:
        holder = given if within is None else given.get(within)
        value = holder.get(name) if isinstance(holder, Mapping) else None
        return min(len(value), LONGEST) if isinstance(value, list) else 1

    return Size(of, (within or name,))


def _about(rows: int) -> Size:
    return Size(lambda _: rows)


SIZES: Mapping[str, Size] = {
    "Query.projects": _page(50),
    "Query.agents": _page(50),
    "Query.models": _about(offering.MOST),
    "Query.sessions": _page(20),
    "Query.trash": _page(20),
    "Query.templates": _about(templates.MOST),
    "Query.folders": _about(folders.MOST),
    "Query.nodes": _items("ids"),
    "Session.messages": _page(50),
    "Session.turns": _page(20),
    "Session.around": Size(_around, ("before", "after")),
    "Session.activeRuns": _about(10),
    "Message.revisions": Size(lambda given: _number(given.get("first"), 20), ("first",)),
    "Turn.answers": _about(10),
    "Viewer.tags": _about(100),
    "MoveQueuedRunPayload.queue": _about(10),
    "Mutation.applyBatch": _items("operations"),
    "Mutation.bulkUpdateSessions": _items("ids", within="input"),
}
"""The lists, as `Type.field`. Where no number is asked for and there is no limit: as many as there are, usually.

What a mutation does to several things counts once for each of them, with all that its payload shows.
"""
assert bulk.MOST == LONGEST
