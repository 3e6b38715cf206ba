"""One turn of a conversation."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.row import Counter, Created, Id, Json, Object, Row, Timestamp, choice
from db.models.run import FinishReason


class MessageRole(StrEnum):
    """Who speaks in a message."""

    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"
    TOOL = "tool"


class MessageStatus(StrEnum):
    """How far a message is; the last four are final."""

    PENDING = "pending"
    STREAMING = "streaming"
    COMPLETE = "complete"
    ERROR = "error"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


def _annotated(name: str, column: str, where: str) -> Index:
    """Finds an annotation by its id."""
    return Index(
        name,
        column,
        postgresql_using="gin",
        postgresql_ops={column: "jsonb_path_ops"},
        postgresql_where=text(where),
    )


_COMPACTED = text("compaction IS NOT NULL")


class Message(Row):
    """A node of a session's tree of messages.

    While a run writes into it, its text so far is in the journal (`Delta`); the row is written when the run
    begins and when it ends.
    """

    __tablename__ = "messages"

    id: Mapped[Id]
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    branch: Mapped[int]
    """The branch whose segment holds the message."""
    depth: Mapped[int]
    """How many messages stand before it on its path."""

    role: Mapped[MessageRole] = mapped_column(choice(MessageRole))
    status: Mapped[MessageStatus] = mapped_column(choice(MessageStatus))
    parts: Mapped[list[Json]] = mapped_column(JSONB, default=list, server_default=text("'[]'::jsonb"))
    content: Mapped[str] = mapped_column(default="", server_default="")
    """The plain text of the text parts."""
    meta: Mapped[Object] = mapped_column("metadata")
    error: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    """`{code, reason}` where the status is `error`."""
    finish_reason: Mapped[FinishReason | None] = mapped_column(choice(FinishReason))
    """Why the model stopped that wrote it, if one did."""
    compaction: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    """What a model is told in place of this message and all that precedes it: see `chat.conversation.compactions`."""
    marks: Mapped[Object]
    """What people have set on it; `chat.conversation.annotations` says how."""
    withdrawn_at: Mapped[Timestamp | None]
    """When somebody deleted it. What it said is in `withdrawn` then, and nowhere else."""
    withdrawn: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    """What a restoration brings back, for 30 days: `parts`, `content`, `metadata`, `error`, `marks`, a
    person's `compaction`, and which deletion
    it was: the `message` and the `scope` that were named, its `number` in the session scope, and the `views` that saw
    something of it."""
    author_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    run_id: Mapped[UUID | None]
    """The run that writes, or wrote, this message."""

    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    """Rises with every edit by a person; what `expectedVersion` is compared with."""
    seq: Mapped[Counter]
    """Its last change in the session scope."""
    news_seq: Mapped[int | None] = mapped_column(BigInteger)
    """The number of the session scope at which it was said, or, a reply, was whole. None: it is not, or the session has
    begun with it."""
    origin: Mapped[str | None]
    """The client that made the last change, so that a window knows its own echo; the database sets it."""
    mutation: Mapped[str | None]
    """The `clientMutationId` of the last change; the database sets it."""
    client_created_at: Mapped[Timestamp | None]

    created_at: Mapped[Created]
    updated_at: Mapped[Timestamp] = mapped_column(server_default=text("now()"))
    deleted_at: Mapped[Timestamp | None]
    """Since when it is shown no more: it is withdrawn, and so is everything below it. Otherwise it holds the place."""

    __table_args__ = (
        Index(None, "session_id", "branch", "depth", unique=True),
        Index(None, "withdrawn_at", postgresql_where=text("withdrawn IS NOT NULL")),
        Index(None, "session_id", "seq"),
        Index(None, "parent_id"),
        Index("ix_messages_system", "session_id", "branch", "depth", postgresql_where=text("role = 'system'")),
        Index("ix_messages_compacted", "session_id", "branch", "depth", postgresql_where=_COMPACTED),
        Index("ix_messages_roots", "session_id", postgresql_where=text("parent_id IS NULL")),
        _annotated("ix_messages_annotations", "marks", "marks ? 'annotations'"),
        _annotated("ix_messages_withdrawn_annotations", "withdrawn", "withdrawn -> 'marks' ? 'annotations'"),
    )

    @property
    def is_withdrawn(self) -> bool:
        """Whether somebody has deleted it, though it may hold its place still."""
        return self.withdrawn_at is not None or self.deleted_at is not None
