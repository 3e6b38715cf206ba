"""What sessions are grouped by."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.row import Counter, Created, Id, Json, Object, Row, Timestamp


class StageStatus(StrEnum):
    """How far a stage of a project is."""

    PENDING = "pending"
    ACTIVE = "active"
    COMPLETE = "complete"
    BLOCKED = "blocked"


class Project(Row):
    """A group of sessions that one account owns."""

    __tablename__ = "projects"

    id: Mapped[Id]
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    meta: Mapped[Object] = mapped_column("metadata")
    stages: Mapped[list[Json]] = mapped_column(JSONB, default=list, server_default=text("'[]'::jsonb"))
    """In order, each `{name, status}`."""

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
        Index(None, "owner_id", "id", postgresql_where=text("deleted_at IS NULL")),
        Index(None, "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
    )
