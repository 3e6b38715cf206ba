"""What new sessions begin with."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.row import Counter, Created, Id, Json, Object, Row, Timestamp


class Template(Row):
    """A pattern of an account's own for new sessions. A session takes a copy, and follows no later change."""

    __tablename__ = "templates"

    id: Mapped[Id]
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    name: Mapped[str]
    description: Mapped[str | None]
    title: Mapped[str | None]
    """Of a session that is given none."""
    instructions: Mapped[str | None]
    """What the model is told at the beginning of the session: its first message."""
    messages: Mapped[list[Json]] = mapped_column(JSONB, default=list, server_default=text("'[]'::jsonb"))
    """`[{role, text}, …]`, what is said in it already."""
    begins: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether the agent speaks first, at once."""
    meta: Mapped[Object] = mapped_column("metadata")
    """What a session's metadata begin with."""

    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    """Rises with every edit by a person; what `expectedVersion` is compared with."""
    seq: Mapped[Counter]
    """Its last change in the owner's account scope."""
    origin: Mapped[str | None]
    """The client that made the last change, so that a window knows its own echo; the database sets it."""
    mutation: Mapped[str | None]
    """The `clientMutationId` of the last change; the database sets it."""

    created_at: Mapped[Created]
    updated_at: Mapped[Timestamp] = mapped_column(server_default=text("now()"))
    deleted_at: Mapped[Timestamp | None]

    __table_args__ = (
        Index(None, "owner_id", "seq"),
        Index(None, "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
    )
