"""Who answers in a session."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.owned import Owned
from db.models.row import Object, choice


class WhenFull(StrEnum):
    """What to do where a member has as many active sessions with an agent as it allows."""

    REJECT = "reject"
    ARCHIVE_OLDEST = "archive_oldest"


class Agent(Owned):
    """Instructions, a model and its parameters. One without an owner is there for everybody."""

    __tablename__ = "agents"

    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    description: Mapped[str | None]
    instructions: Mapped[str | None]
    provider: Mapped[str | None]
    """The provider that runs it; the server's own where it is null."""
    model: Mapped[str | None]
    """The provider's name of the model; the server's own choice where it is null."""
    parameters: Mapped[Object]
    context_tokens: Mapped[int | None]
    """How many tokens its model can read at once, with what it writes; what is known of the model where it is null."""
    meta: Mapped[Object] = mapped_column("metadata")
    active_sessions: Mapped[int | None]
    """How many sessions with it a member may have that are not archived."""
    when_full: Mapped[WhenFull] = mapped_column(
        choice(WhenFull), default=WhenFull.REJECT, server_default=WhenFull.REJECT.value
    )
    limits: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    """What each member may do with it: `messages_per_minute`, `runs_per_minute`, `message_characters`."""


Index("ix_agents_limited", Agent.id, postgresql_where=text("limits IS NOT NULL"))
