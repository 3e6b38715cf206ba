"""What new sessions begin with."""

from uuid import UUID

from sqlalchemy import ForeignKey, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.owned import Owned
from db.models.row import Json, Object


class Template(Owned):
    """A pattern of an account's own for new sessions. A session takes a copy, and follows no later change."""

    __tablename__ = "templates"

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
