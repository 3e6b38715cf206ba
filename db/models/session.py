"""A conversation, who takes part in it, and the branches of its tree of messages."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Computed, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.row import Counter, Created, Id, Object, Row, Timestamp, choice

NEWEST_FIRST = "lpad(to_hex(9007199254740991 - (extract(epoch FROM now()) * 1000000)::bigint), 14, '0')"
"""The place of a new session in SQL: before all that were made earlier. Read it as a fraction in base 16."""


class TitleSource(StrEnum):
    """Who gave a session its title; a later source never yields to an earlier one."""

    NONE = "none"
    FIRST_WORDS = "first_words"
    MODEL = "model"
    PERSON = "person"


class Session(Row):
    """A conversation between its members and an agent. Its row holds the counter of the session scope."""

    __tablename__ = "sessions"

    id: Mapped[Id]
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    project_id: Mapped[UUID | None] = mapped_column(ForeignKey("projects.id", ondelete="SET NULL"), index=True)
    agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    title: Mapped[str | None]
    title_source: Mapped[TitleSource] = mapped_column(
        choice(TitleSource), default=TitleSource.NONE, server_default=TitleSource.NONE.value
    )
    meta: Mapped[Object] = mapped_column("metadata")
    state: Mapped[Object]
    """What clients share: JSON by key."""
    summary: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    """What was said, in short; `chat.conversation.summaries` says how it is stored."""
    external_id: Mapped[str | None]
    """What an app calls this session."""
    provider_ref: Mapped[str | None]
    """The provider's own id of the conversation. Never leaves the server."""

    head: Mapped[Counter]
    """The last number taken in the session scope."""
    epoch: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    """Rises when the session's history was rewritten; cursors of an earlier one are answered with a reset."""
    last_branch: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """The highest branch number in use."""
    current_branch: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """The branch that was written to last: what a member sees who has chosen none."""
    forked_session_id: Mapped[UUID | None]
    """The session that this one was copied from. It may be gone, and a member need not be one of it."""
    forked_message_id: Mapped[UUID | None]
    """The message there at which it leaves."""

    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    """Rises with every edit by a person; what `expectedVersion` is compared with."""
    message_count: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    last_message_preview: Mapped[str | None]
    last_activity_at: Mapped[Created]

    created_at: Mapped[Created]
    updated_at: Mapped[Timestamp] = mapped_column(server_default=text("now()"))
    deleted_at: Mapped[Timestamp | None]
    purged_at: Mapped[Timestamp | None]
    """When its owner gave it up for good: the row is an empty tombstone since then."""

    __table_args__ = (
        Index(None, "owner_id", "external_id", unique=True, postgresql_where=text("external_id IS NOT NULL")),
        Index(None, "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
        Index(None, "owner_id", "deleted_at", "id", postgresql_where=text("deleted_at IS NOT NULL")),
        Index("ix_sessions_kept", "owner_id", postgresql_where=text("deleted_at IS NULL")),
    )


_ALPHABETIC = Computed("transom_alphabetic(title::text)", persisted=True)
Session.metadata.tables[Session.__tablename__].append_column(
    Column("alphabetic", Text(collation="C"), _ALPHABETIC, nullable=False)
)  # what lists by title are in the order of; nobody reads it with a row


class MemberRole(StrEnum):
    """What a member may do in a session."""

    OWNER = "owner"
    WRITER = "writer"
    READER = "reader"


class Membership(Row):
    """How one user sees one session: everything personal about it."""

    __tablename__ = "memberships"

    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[MemberRole] = mapped_column(choice(MemberRole))
    branch: Mapped[int | None]
    """The branch that this member has chosen to see."""
    archived_at: Mapped[Timestamp | None]
    pinned_at: Mapped[Timestamp | None]
    starred_at: Mapped[Timestamp | None]
    folder_id: Mapped[UUID | None] = mapped_column(ForeignKey("folders.id", ondelete="SET NULL"))
    tags: Mapped[list[str]] = mapped_column(ARRAY(String), default=list, server_default=text("'{}'"))
    """In the order in which the member gave them, each once."""
    position: Mapped[str] = mapped_column(String(collation="C"), server_default=text(NEWEST_FIRST))
    """Its place in the member's own order: the lowest comes first. Between two places there is always another one."""
    draft: Mapped[str | None]
    """What the member is about to say."""
    draft_after_id: Mapped[UUID | None]
    """The message of the member's that the draft comes after, if its window said so; it may be on its way still."""
    last_sent_id: Mapped[UUID | None]
    """What the member sent last. It took the draft of that time away."""
    read_seq: Mapped[Counter]
    """The number of the session scope up to which the member has read."""
    news_seq: Mapped[Counter]
    """The number of the session scope at which somebody else last said something that is not deleted."""
    marked_unread: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    last_activity_at: Mapped[Created]
    """The session's own, kept here so that a member's list is one index scan."""

    seq: Mapped[Counter]
    """The last change of this row, or of its session's row, in the member's account scope."""
    origin: Mapped[str | None]
    """The client that made the last change, so that a window knows its own echo; the database sets it."""
    mutation: Mapped[str | None]
    """The `clientMutationId` of the last change; the database sets it."""

    created_at: Mapped[Created]

    __table_args__ = (
        Index(None, "user_id", "seq"),
        Index(None, "user_id", "last_activity_at", "session_id"),
        Index(None, "user_id", "position", "session_id"),
        Index(None, "folder_id", postgresql_where=text("folder_id IS NOT NULL")),
    )

    @property
    def unread(self) -> bool:
        """Whether there is something new for the member."""
        return self.marked_unread or self.news_seq > self.read_seq


class Branch(Row):
    """A path in the tree of a session's messages.

    A path is made of segments: `lineage[i]` is the branch that holds the messages of depth `starts[i]` up to the
    next segment's start. The last segment is the branch itself. So a page of a path is a range scan however the
    path is forked.
    """

    __tablename__ = "branches"

    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    lineage: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    starts: Mapped[list[int]] = mapped_column(ARRAY(Integer))
