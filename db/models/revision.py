"""What messages were before they were revised."""

from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.row import Created, Json, Object, Row


class Revision(Row):
    """An earlier state of a message: how it was in one version, until somebody replaced it."""

    __tablename__ = "revisions"

    message_id: Mapped[UUID] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    parts: Mapped[list[Json]] = mapped_column(JSONB)
    content: Mapped[str]
    meta: Mapped[Object] = mapped_column("metadata")
    replaced_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    """Who wrote the next version."""
    replaced_at: Mapped[Created]
