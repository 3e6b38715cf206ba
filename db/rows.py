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

from db.models import Executor, FinishReason, Json, MemberRole, MessageRole, MessageStatus, RunStatus, TitleSource
from db.moments import at


def _column(name: str) -> Any:
    return property(itemgetter(name))


def _json(name: str) -> Any:
    def read(row: Any) -> Any:
        stored = row[name]
        return None if stored is None else orjson.loads(stored)

    return property(read)


def _time(name: str) -> Any:
    def read(row: Any) -> datetime | None:
        moment = row[name]
        return None if moment is None else at(moment)

    return property(read)


def _member(kind: type[StrEnum], name: str) -> Any:
    members = {member.value: member for member in kind}
    return property(lambda row: members[row[name]])


def _optional_member(kind: type[StrEnum], name: str) -> Any:
    members = {member.value: member for member in kind}
    return property(lambda row: members.get(row[name]))


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
    finish_reason: FinishReason | None = _optional_member(FinishReason, "finish_reason")
    compaction: Json | None = _json("compaction")
    marks: Json = _json("marks")
    author_id: UUID | None = _column("author_id")
    run_id: UUID | None = _column("run_id")
    version: int = _column("version")
    seq: int = _column("seq")
    origin: str | None = _column("origin")
    mutation: str | None = _column("mutation")
    client_created_at: datetime | None = _time("client_created_at")
    created_at: datetime = _time("created_at")
    updated_at: datetime = _time("updated_at")
    deleted_at: datetime | None = _time("deleted_at")
    withdrawn_at: datetime | None = _time("withdrawn_at")
    journal: Sequence[str] | None = _column("journal")
    """What its run has journaled, if it is being written: JSON arrays of events, in order."""


class Change(Message):
    """Something that changed in a session: a message, a run (`Run(change)`), or something that a run has journaled.

    What is of another kind is null.
    """

    kind: str | None = _column("kind")
    """`message`, `run`, `delta`; `flying`: a message that is being written, changed or not; `path`: a message of a path
    that a member sees now; `seen`: such a path; `siblings`: what stands beside messages; None: nothing changed."""
    scope_epoch: int = _column("scope_epoch")
    scope_head: int = _column("scope_head")
    writing: Sequence[int] | None = _column("writing")
    """Of a message that a run is writing: the run's epoch, and the number of the last event that it journaled in it."""
    delta_run_id: UUID = _column("delta.run_id")
    delta_epoch: int = _column("delta.epoch")
    delta_seq: int = _column("delta.seq")
    """The number of the first event."""
    delta_events: str = _column("delta.events")
    """A JSON array."""
    data: Json = _json("data")
    """Of `seen`, the `number` of the branch whose path it is, the `length` of that, its `leaf`, and the `members` who
    see it; of each of them the id, the number of the last change in the account scope, and the branch that was chosen.
    Of `siblings`, the `parent` that they follow, and their `ids` in the order of creation."""


class Run:
    """What clients see of a run; `models.Run` says what it means."""

    __slots__ = ("_found",)

    def __init__(self, found: Change) -> None:
        self._found = found

    def __getitem__(self, name: str) -> Any:
        return self._found[name]

    id: UUID = _column("run.id")
    session_id: UUID = _column("run.session_id")
    message_id: UUID = _column("run.message_id")
    agent_id: UUID | None = _column("run.agent_id")
    status: RunStatus = _member(RunStatus, "run.status")
    executor: Executor = _member(Executor, "run.executor")
    epoch: int = _column("run.epoch")
    lease_until: datetime | None = _time("run.lease_until")
    cancel_requested_at: datetime | None = _time("run.cancel_requested_at")
    question: Any | None = _json("run.question")
    usage: Any | None = _json("run.usage")
    error: Any | None = _json("run.error")
    provider: str | None = _column("run.provider")
    model: str | None = _column("run.model")
    finish_reason: FinishReason | None = _optional_member(FinishReason, "run.finish_reason")
    finish_word: str | None = _column("run.finish_word")
    first_token_at: datetime | None = _time("run.first_token_at")
    seq: int = _column("run.seq")
    origin: str | None = _column("run.origin")
    mutation: str | None = _column("run.mutation")
    created_at: datetime = _time("run.created_at")
    updated_at: datetime = _time("run.updated_at")
    started_at: datetime | None = _time("run.started_at")
    finished_at: datetime | None = _time("run.finished_at")


class Revision(asyncpg.Record):  # type: ignore[misc]
    """What clients see of an earlier state of a message; `models.Revision` says what it means."""

    message_id: UUID = _column("message_id")
    version: int = _column("version")
    parts: list[Json] = _json("parts")
    content: str = _column("content")
    meta: Json = _json("metadata")
    replaced_by: UUID | None = _column("replaced_by")
    replaced_at: datetime = _time("replaced_at")


class Standing(asyncpg.Record):  # type: ignore[misc]
    """Where an account stands; `models.User` says what it means."""

    epoch: int = _column("epoch")
    head: int = _column("head")
    horizon: int = _column("horizon")


class Seen(asyncpg.Record):  # type: ignore[misc]
    """What clients see of a session: `models.Session`, and what of `models.Membership` is its member's own."""

    id: UUID = _column("id")
    title: str | None = _column("title")
    title_source: TitleSource = _member(TitleSource, "title_source")
    project_id: UUID | None = _column("project_id")
    agent_id: UUID | None = _column("agent_id")
    meta: Json = _json("metadata")
    state: Json = _json("state")
    summary: Json | None = _json("summary")
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
    pinned_at: datetime | None = _time("pinned_at")
    starred_at: datetime | None = _time("starred_at")
    folder_id: UUID | None = _column("folder_id")
    tags: list[str] = _column("tags")
    position: str = _column("position")
    draft: str | None = _column("draft")
    last_sent_id: UUID | None = _column("last_sent_id")
    deleted_at: datetime | None = None  # what is deleted is not read this way
    unread: bool = _column("unread")
    current_branch: int = _column("current_branch")
    branch: int | None = _column("branch")
    forked_session_id: UUID | None = _column("forked_session_id")
    forked_message_id: UUID | None = _column("forked_message_id")


MESSAGE = [name for name in Message.__annotations__ if name != "journal"]
"""The attributes that a `Message` has in common with the model."""

MESSAGE_COLUMNS = """
    message.id, message.session_id, message.parent_id, message.branch, message.depth, message.role, message.status,
    message.parts, message.content, message.metadata, message.error, message.finish_reason, message.compaction,
    message.marks, message.author_id, message.run_id, message.seq, message.origin, message.mutation,
    message.client_created_at, message.created_at, message.updated_at, message.deleted_at, message.withdrawn_at,
    message.version,
    CASE WHEN message.status = 'streaming' THEN
        (SELECT array_agg(events ORDER BY epoch, seq) FROM deltas WHERE deltas.run_id = message.run_id)
    END AS journal
"""
"""What a `Message` is made from, in SQL; its journal is of the same moment."""

_HEAVY = "octet_length(message.content) > 32000 OR pg_column_size(message.parts) > 16000"

LIGHT_COLUMNS = MESSAGE_COLUMNS.replace(
    "message.parts, message.content",
    f"CASE WHEN {_HEAVY} THEN NULL ELSE message.parts END AS parts,"
    f" CASE WHEN {_HEAVY} THEN NULL ELSE message.content END AS content",
)
"""The same without what a message says where that is much: parts and content are null then. See `db.weights`."""

RUN = [name for name in Run.__annotations__ if name != "_found"]
"""The attributes of a `Run`."""

RUN_COLUMNS = ", ".join(f'run.{name} AS "run.{name}"' for name in RUN)
"""What a `Run` is made from, in SQL."""

UNREAD = "(member.marked_unread OR member.news_seq > member.read_seq)"
"""Whether there is something new for a member, in SQL."""

SEEN_COLUMNS = f"""
    session.id, session.title, session.title_source, session.project_id, session.agent_id, session.metadata,
    session.state, session.summary,
    session.external_id, session.message_count, session.last_message_preview, member.last_activity_at, session.version,
    session.created_at, session.updated_at, session.epoch, session.head, member.role, member.archived_at,
    session.current_branch, member.branch, session.forked_session_id, session.forked_message_id,
    member.pinned_at, member.starred_at, member.folder_id, member.tags, member.position, member.draft,
    member.last_sent_id, {UNREAD} AS unread
"""
"""What a `Seen` is made from, in SQL."""
