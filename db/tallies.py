"""How many sessions of a viewer are in something: those that are not archived, and those of them that are unread."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg

from db import rows
from db.reader import Reader, Statement


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

OF_TAGS = Statement.of(
    f"""
    SELECT tag, count(*) AS sessions, count(*) FILTER (WHERE {rows.UNREAD}) AS unread
    FROM memberships AS member JOIN sessions AS session ON session.id = member.session_id, unnest(member.tags) AS tag
    WHERE member.user_id = $1 AND member.tags <> '{{}}' AND member.archived_at IS NULL AND session.deleted_at IS NULL
    GROUP BY tag ORDER BY transom_alphabetic(tag) COLLATE "C"
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
