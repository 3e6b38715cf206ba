"""A person or program that calls the API."""

from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.row import Counter, Created, Id, Row, Timestamp


class User(Row):
    """One account. Its row holds the counter of the account scope."""

    __tablename__ = "users"

    id: Mapped[Id]
    subject: Mapped[str] = mapped_column(unique=True)
    """Who this is to the identity provider: the token's `sub`, or `local`."""
    name: Mapped[str | None]
    email: Mapped[str | None]
    limits: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    """What an operator has set for this account alone, by the names of `chat.policy.Allowance`; 0: no limit."""

    head: Mapped[Counter]
    """The last number taken in the account scope."""
    epoch: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    """Rises when the account's history was rewritten; cursors of an earlier one are answered with a reset."""
    horizon: Mapped[Counter]
    """The number up to which tombstones may be gone; an earlier cursor has expired."""

    created_at: Mapped[Created]
    updated_at: Mapped[Timestamp] = mapped_column(server_default=text("now()"))

    __table_args__ = (Index("ix_users_limited", "id", postgresql_where=text("limits IS NOT NULL")),)
