"""What sessions are grouped by."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.owned import Owned
from db.models.row import Json, Object


class StageStatus(StrEnum):
    """How far a stage of a project is."""

    PENDING = "pending"
    ACTIVE = "active"
    COMPLETE = "complete"
    BLOCKED = "blocked"


class Project(Owned):
    """A group of sessions that one account owns."""

    __tablename__ = "projects"

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    meta: Mapped[Object] = mapped_column("metadata")
    stages: Mapped[list[Json]] = mapped_column(JSONB, default=list, server_default=text("'[]'::jsonb"))
    """In order, each `{name, status}`."""


Index(
    "ix_projects_owner_id_created_at_id",
    Project.owner_id,
    Project.created_at,
    Project.id,
    postgresql_where=Project.deleted_at.is_(None),
)
