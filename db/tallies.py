"""How many sessions of a viewer are in something: those that are not archived, and those of them that are unread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

from db import rows
from db.listing import CONDITIONS, COUNTED
from db.reader import Asked, Reader, Readers, Statement


class Tally(NamedTuple):
    """Of one folder, project, agent or tag."""

    sessions: int = 0
    unread: int = 0


def _tallies(link: str) -> Statement[asyncpg.Record]:
    return Statement.of(
        f"""
        SELECT {link} AS id, count(*) AS sessions,
            count(*) FILTER (WHERE {rows.UNREAD}) AS unread
        FROM memberships AS member JOIN sessions AS session ON session.id = member.session_id
        WHERE member.user_id = $1 AND {link} = ANY ($2::uuid[])
            AND member.archived_at IS NULL AND session.deleted_at IS NULL
        GROUP BY {link}
        """,
        asyncpg.Record,
    )


OF_FOLDERS = _tallies("member.folder_id")
OF_PROJECTS = _tallies("session.project_id")
OF_AGENTS = _tallies("session.agent_id")

_ALPHABET = 'transom_alphabetic(tag) COLLATE "C"'

OF_TAGS = Statement.of(
    f"""
    SELECT tag, count(*) AS sessions, count(*) FILTER (WHERE {rows.UNREAD}) AS unread
    FROM memberships AS member JOIN sessions AS session ON session.id = member.session_id, unnest(member.tags) AS tag
    WHERE member.user_id = $1 AND member.tags <> '{{}}' AND member.archived_at IS NULL AND session.deleted_at IS NULL
    GROUP BY tag ORDER BY {_ALPHABET}
    """,
    asyncpg.Record,
)

LATEST = Statement.of(
    f"""
    SELECT DISTINCT ON (session.project_id) {rows.SEEN_COLUMNS}
    FROM sessions AS session JOIN memberships AS member ON member.session_id = session.id AND member.user_id = $1
    WHERE session.project_id = ANY ($2::uuid[]) AND member.archived_at IS NULL AND session.deleted_at IS NULL
    ORDER BY session.project_id, member.last_activity_at DESC, session.id DESC
    """,
    rows.Seen,
)


async def of_folders(reader: Reader, folder_ids: Sequence[UUID]) -> Mapping[UUID, Tally]:
    """The tallies of the folders in which the reader's viewer has sessions."""
    return await _of(reader, OF_FOLDERS, folder_ids)


async def of_projects(reader: Reader, project_ids: Sequence[UUID]) -> Mapping[UUID, Tally]:
    """The same for projects."""
    return await _of(reader, OF_PROJECTS, project_ids)


async def of_agents(reader: Reader, agent_ids: Sequence[UUID]) -> Mapping[UUID, Tally]:
    """The same for agents."""
    return await _of(reader, OF_AGENTS, agent_ids)


async def of_tags(reader: Reader) -> Mapping[str, Tally]:
    """The tallies of all tags of the reader's viewer, in the order of the alphabet."""
    return {row["tag"]: Tally(row["sessions"], row["unread"]) for row in await reader.all(OF_TAGS)}


async def _of(reader: Reader, tallies: Statement[asyncpg.Record], ids: Sequence[UUID]) -> Mapping[UUID, Tally]:
    return {row["id"]: Tally(row["sessions"], row["unread"]) for row in await reader.all(tallies, ids)}


async def latest(reader: Reader, project_ids: Sequence[UUID]) -> Mapping[UUID, rows.Seen]:
    """For each project the session with the newest activity, of those that the reader's viewer has not archived."""
    found = await reader.all(LATEST, project_ids)
    return {seen.project_id: seen for seen in found if seen.project_id is not None}


_EACH = ", ".join(f"count(*) FILTER (WHERE {name}) AS {name}" for name in COUNTED)
_IN = {"folder": "folder_id::text", "project": "project_id::text", "agent": "agent_id::text", "tag": "tag"}


def _in(kind: str) -> str:
    source, place = ("mine, unnest(tags) AS tag", _ALPHABET) if kind == "tag" else ("mine", "NULL")
    return f"""
        SELECT '{kind}', {_IN[kind]}, count(*), {_EACH}, {place} FROM {source}
        WHERE NOT archived AND {_IN[kind]} IS NOT NULL GROUP BY {_IN[kind]}
    """


ALL = Asked(
    f"""
    WITH mine AS MATERIALIZED (
        SELECT member.folder_id, session.project_id, session.agent_id, member.tags,
            {", ".join(f"{CONDITIONS[name]} AS {name}" for name in COUNTED)}
        FROM memberships AS member JOIN sessions AS session ON session.id = member.session_id
        WHERE member.user_id = $1 AND session.deleted_at IS NULL
    )
    SELECT 'active' AS kind, NULL AS id, count(*) AS total, {_EACH}, NULL AS place FROM mine WHERE NOT archived
    UNION ALL SELECT 'archived', NULL, count(*), {_EACH}, NULL FROM mine WHERE archived
    UNION ALL SELECT 'trash', NULL, count(*){", NULL" * len(COUNTED)}, NULL FROM sessions
        WHERE owner_id = $1 AND purged_at IS NULL AND deleted_at > now() - $2::interval
    {"".join(f"UNION ALL {_in(kind)}" for kind in _IN)}
    ORDER BY place
    """,
    asyncpg.Record,
)


@dataclass(frozen=True, slots=True)
class Tallies:
    """How many sessions an account has of what."""

    active: Mapping[str, int]
    """Of those that are not archived: `total`, and each of `db.listing.COUNTED`."""
    archived: Mapping[str, int]
    """The same of the others."""
    trash: int
    folders: Mapping[UUID, Tally]
    """Where there are any; so the following."""
    projects: Mapping[UUID, Tally]
    agents: Mapping[UUID, Tally]
    tags: Mapping[str, Tally]
    """In the order of the alphabet."""


async def of_account(readers: Readers, user_id: UUID, kept: timedelta) -> Tallies:
    """All tallies of an account; the trash keeps sessions so long."""
    kinds: dict[str, dict[str | None, asyncpg.Record]] = {}
    for row in await readers.fetch(ALL, user_id, kept):
        kinds.setdefault(row["kind"], {})[row["id"]] = row
    active, archived = (
        {name: kinds[kind][None][name] for name in ("total", *COUNTED)} for kind in ("active", "archived")
    )
    found = {
        kind: {id: Tally(row["total"], row["unread"]) for id, row in kinds.get(kind, {}).items() if id is not None}
        for kind in _IN
    }
    folders, projects, agents = (
        {UUID(id): tally for id, tally in found[kind].items()} for kind in ("folder", "project", "agent")
    )
    return Tallies(active, archived, kinds["trash"][None]["total"], folders, projects, agents, found["tag"])
