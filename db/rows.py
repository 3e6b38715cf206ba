"""Rows as the driver gives them, for what is read most: attributes as those of the models, without their cost.

Each value is made when it is asked for, and anew each time.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from operator import itemgetter
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from db.models import Json, MemberRole, MessageRole, MessageStatus, TitleSource
from db.moments import at


def _column(name: str) -> Any:
    return property(itemgetter(name))


def _json(name: str) -> Any:
    def read(row: asyncpg.Record) -> Any:
        stored = row[name]
        return None if stored is None else orjson.loads(stored)

    return property(read)


def _time(name: str) -> Any:
    def read(row: asyncpg.Record) -> datetime | None:
        moment = row[name]
        return None if moment is None else at(moment)

    return property(read)


def _member(kind: type[StrEnum], name: str) -> Any:
    members = {member.value: member for member in kind}
    return property(lambda row: members[row[name]])


class Message(asyncpg.Record):  # type: ignore[misc]
    """What clients see of a message; `models.Message` says what it means."""

    id: UUID = _column("id")
    session_id: UUID = _column("session_id")
    parent_id: UUID | None = _column("parent_id")
    branch: int = _column("branch")
    depth: int = _column("depth")
    role: MessageRole = _member(MessageRole, "role")
    status: MessageStatus = _member(MessageStatus, "status")
    parts: list[Json] = _json("parts")
    content: str = _column("content")
    meta: Json = _json("metadata")
    error: Any | None = _json("error")
    author_id: UUID | None = _column("author_id")
    run_id: UUID | None = _column("run_id")
    seq: int = _column("seq")
    origin: str | None = _column("origin")
    mutation: str | None = _column("mutation")
    client_created_at: datetime | None = _time("client_created_at")
    created_at: datetime = _time("created_at")
    updated_at: datetime = _time("updated_at")
    deleted_at: datetime | None = _time("deleted_at")
    journal: Sequence[str] | None = _column("journal")
    """What its run has journaled, if it is being written: JSON arrays of events, in order."""


class Seen(asyncpg.Record):  # type: ignore[misc]
    """What clients see of a session: `models.Session`, and what of `models.Membership` is its member's own."""

    id: UUID = _column("id")
    title: str | None = _column("title")
    title_source: TitleSource = _member(TitleSource, "title_source")
    project_id: UUID | None = _column("project_id")
    agent_id: UUID | None = _column("agent_id")
    meta: Json = _json("metadata")
    external_id: str | None = _column("external_id")
    message_count: int = _column("message_count")
    last_message_preview: str | None = _column("last_message_preview")
    last_activity_at: datetime = _time("last_activity_at")
    version: int = _column("version")
    created_at: datetime = _time("created_at")
    updated_at: datetime = _time("updated_at")
    epoch: int = _column("epoch")
    head: int = _column("head")
    role: MemberRole = _member(MemberRole, "role")
    archived_at: datetime | None = _time("archived_at")


MESSAGE = [name for name in Message.__annotations__ if name != "journal"]
"""The attributes that a `Message` has in common with the model."""

MESSAGE_COLUMNS = """
    message.id, message.session_id, message.parent_id, message.branch, message.depth, message.role, message.status,
    message.parts, message.content, message.metadata, message.error, message.author_id, message.run_id, message.seq,
    message.origin, message.mutation, message.client_created_at, message.created_at, message.updated_at,
    message.deleted_at,
    CASE WHEN message.status = 'streaming' THEN
        (SELECT array_agg(events ORDER BY epoch, seq) FROM deltas WHERE deltas.run_id = message.run_id)
    END AS journal
"""
"""What a `Message` is made from, in SQL; its journal is of the same moment."""

SEEN_COLUMNS = """
    session.id, session.title, session.title_source, session.project_id, session.agent_id, session.metadata,
    session.external_id, session.message_count, session.last_message_preview, member.last_activity_at, session.version,
    session.created_at, session.updated_at, session.epoch, session.head, member.role, member.archived_at
"""
"""What a `Seen` is made from, in SQL."""
