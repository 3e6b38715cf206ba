"""Lists of a member's sessions: filtered, in one of several orders, a page at a time; and how many there are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

import asyncpg

from db import moments, rows, texts, weights
from db.models import ACTIVE
from db.page import Page, Span
from db.reader import Reader, Statement


class SessionOrder(StrEnum):
    """What comes first in a list of sessions."""

    ACTIVITY = "activity"
    CREATED = "created"
    TITLE = "title"
    POSITION = "position"


type Place = tuple[datetime | str, UUID]
"""Where a session stands in a list: the value that the list is ordered by, and the session's id."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of a member's sessions are meant; what is None, or empty, does not restrict."""

    project_id: UUID | None = None
    agent_id: UUID | None = None
    folder_id: UUID | None = None
    filed: bool | None = None
    """Whether it is in a folder."""
    tags: tuple[str, ...] = ()
    """All of them."""
    archived: bool | None = None
    pinned: bool | None = None
    starred: bool | None = None
    unread: bool | None = None
    running: bool | None = None
    """Whether it has a run that is not over."""
    title: str | None = None
    """Text in the title, whatever its case."""


MOST_UNREAD = 100
"""Unread messages of a session that are counted at most."""

_ACTIVE = ", ".join(f"'{status.value}'" for status in ACTIVE)
_RUNNING = f"EXISTS (SELECT FROM runs WHERE runs.session_id = session.id AND runs.status IN ({_ACTIVE}))"

_EQUAL = {
    **{
        f"{name}_id": f"{of}.{name}_id = (SELECT id FROM {name}s WHERE id = {{}}::uuid AND deleted_at IS NULL)"
        for name, of in (("project", "session"), ("agent", "session"), ("folder", "member"))
    },  # only what the viewer may see
    "tags": "member.tags @> {}::varchar[]",
    "title": f"strpos({texts.FOLDED.format('session.title')}, {texts.FOLDED.format('{}::text')}) > 0",
}
CONDITIONS = {
    "filed": "member.folder_id IS NOT NULL",
    "archived": "member.archived_at IS NOT NULL",
    "pinned": "member.pinned_at IS NOT NULL",
    "starred": "member.starred_at IS NOT NULL",
    "unread": rows.UNREAD,
    "running": _RUNNING,
}
"""What can be true of a session for a member, in SQL."""
COUNTED = ("unread", "running", "pinned", "starred", "archived")


@dataclass(frozen=True, slots=True)
class _Key:
    """What a list is ordered by, in SQL."""

    sql: str
    type: str
    descends: bool
    shown: Callable[[Any], Any] = lambda value: value
    """From what the driver gives to what a place says."""


_KEYS = {
    SessionOrder.ACTIVITY: _Key("member.last_activity_at", "timestamptz", True, moments.at),
    SessionOrder.CREATED: _Key("member.created_at", "timestamptz", True, moments.at),
    SessionOrder.TITLE: _Key("session.alphabetic", "text", False),
    SessionOrder.POSITION: _Key("member.position", "text", False),
}


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of a member's sessions, and where the account stood at that moment."""

    page: Page[rows.Seen]
    epoch: int
    head: int


def place(order: SessionOrder, seen: rows.Seen) -> Place:
    """Where a session of a page stands."""
    return _KEYS[order].shown(seen["place"]), seen.id


def parsed(order: SessionOrder, value: object) -> datetime | str:
    """The first half of a place, from what `str` made of it.

    Raises:
        ValueError, TypeError: nothing was made of it.
    """
    if not isinstance(value, str):
        raise TypeError(value)
    return moments.written(value) if _KEYS[order].type == "timestamptz" else value


async def page(
    reader: Reader, span: Span[Place], where: Filter, order: SessionOrder = SessionOrder.ACTIVITY
) -> Listing:
    """The sessions of the reader's viewer. Activity and creation: newest first; title and position: lowest first."""
    statement, values = asked(span, where, order)
    found = await reader.all(statement, *values)
    seen = [] if found[0]["id"] is None else found
    weights.count(seen)
    return Listing(Page.of(seen, span), found[0]["account_epoch"], found[0]["account_head"])


def asked(span: Span[Place], where: Filter, order: SessionOrder) -> tuple[Statement[rows.Seen], Sequence[Any]]:
    """The statement of a page, and its values from `$2` on."""
    conditions, values = _conditions(where)
    statement = _page(order, span.backward, span.after is not None, span.before is not None, conditions)
    return statement, [span.limit + 1, *(span.after or ()), *(span.before or ()), *values]


async def counts(reader: Reader, where: Filter) -> asyncpg.Record:
    """How many sessions of the reader's viewer the filter leaves: `total`, and of those, each of `COUNTED`."""
    statement, values = counting(where)
    (found,) = await reader.all(statement, *values)
    return found


def counting(where: Filter) -> tuple[Statement[asyncpg.Record], Sequence[Any]]:
    """The statement of `counts`, and its values from `$2` on."""
    conditions, values = _conditions(where)
    return _counts(conditions), values


async def count(reader: Reader, where: Filter) -> int:
    """How many sessions of the reader's viewer the filter leaves."""
    conditions, values = _conditions(where)
    (found,) = await reader.all(_count(conditions), *values)
    total: int = found["total"]
    return total


def _conditions(where: Filter) -> tuple[tuple[str, ...], Sequence[Any]]:
    """What the filter says in SQL, with `{}` for values; and the values."""
    conditions, values = [], []
    for each in fields(where):
        wanted = getattr(where, each.name)
        if wanted is None or wanted == ():
            continue
        if each.name in CONDITIONS:
            conditions.append(CONDITIONS[each.name] if wanted else f"NOT ({CONDITIONS[each.name]})")
        else:
            conditions.append(_EQUAL[each.name])
            values.append(_composed(wanted))
    return tuple(conditions), values


def _composed(wanted: object) -> object:
    """A value as titles and tags are stored."""
    if isinstance(wanted, tuple):
        return [texts.composed(each) for each in wanted]
    return texts.composed(wanted) if isinstance(wanted, str) else wanted


def _numbered(conditions: Sequence[str], first: int) -> str:
    """The conditions, each after an AND, with their values from `$first` on."""
    numbers = iter(range(first, first + len(conditions)))
    return "".join(f" AND {each.format(f'${next(numbers)}') if '{}' in each else each}" for each in conditions)


# Statements are made for the filters that are there, so that each finds its index; the driver keeps them prepared.
@lru_cache(256)
def _page(
    order: SessionOrder, backward: bool, after: bool, before: bool, conditions: tuple[str, ...]
) -> Statement[rows.Seen]:
    key = _KEYS[order]
    direction, behind, ahead = ("DESC", "<", ">") if key.descends else ("ASC", ">", "<")
    if backward:
        direction = "ASC" if key.descends else "DESC"
    bounds, number = "", 3
    for sign in [behind] * after + [ahead] * before:
        bounds += f" AND ({key.sql}, member.session_id) {sign} (${number}::{key.type}, ${number + 1}::uuid)"
        number += 2
    return Statement.of(
        f"""
        SELECT account.epoch AS account_epoch, account.head AS account_head, listed.*
        FROM users AS account LEFT JOIN LATERAL (
            SELECT {rows.SEEN_COLUMNS}, {key.sql} AS place
            FROM memberships AS member CROSS JOIN LATERAL (
                SELECT * FROM sessions WHERE id = member.session_id OFFSET 0
            ) AS session
            WHERE member.user_id = $1 AND session.deleted_at IS NULL{bounds}{_numbered(conditions, number)}
            ORDER BY {key.sql} {direction}, member.session_id {direction}
            LIMIT $2::int
        ) AS listed ON true
        WHERE account.id = $1
        ORDER BY listed.place {direction}, listed.id {direction}
        """,
        rows.Seen,
    )


_MINE = """
    FROM memberships AS member JOIN sessions AS session ON session.id = member.session_id
    WHERE member.user_id = $1 AND session.deleted_at IS NULL
"""


@lru_cache(256)
def _count(conditions: tuple[str, ...]) -> Statement[asyncpg.Record]:
    return Statement.of(f"SELECT count(*) AS total {_MINE}{_numbered(conditions, 2)}", asyncpg.Record)


@lru_cache(256)
def _counts(conditions: tuple[str, ...]) -> Statement[asyncpg.Record]:
    each = ", ".join(f"count(*) FILTER (WHERE {CONDITIONS[name]}) AS {name}" for name in COUNTED)
    return Statement.of(f"SELECT count(*) AS total, {each} {_MINE}{_numbered(conditions, 2)}", asyncpg.Record)


UNREAD = Statement.of(
    f"""
    SELECT member.session_id, (SELECT count(*) FROM (
        SELECT FROM messages
        WHERE messages.session_id = member.session_id AND seq > member.read_seq AND messages.news_seq > member.read_seq
            AND deleted_at IS NULL AND withdrawn_at IS NULL AND author_id IS DISTINCT FROM $1
        LIMIT {MOST_UNREAD}
    ) AS new) AS count
    FROM memberships AS member
    WHERE member.user_id = $1 AND member.session_id = ANY ($2::uuid[]) AND member.news_seq > member.read_seq
    """,
    asyncpg.Record,
)


async def unread(reader: Reader, session_ids: Sequence[UUID]) -> Mapping[UUID, int]:
    """How many messages of each session are new to the reader's viewer, at most `MOST_UNREAD`; where any are."""
    return {row["session_id"]: row["count"] for row in await reader.all(UNREAD, session_ids)}
