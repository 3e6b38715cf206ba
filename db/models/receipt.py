"""What a mutation made, so that doing it again gives the same answer."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from db.models.row import Created, Object, Row


class Receipt(Row):
    """One mutation of one account, stored in the transaction that it describes."""

    __tablename__ = "receipts"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    """The `clientMutationId`."""
    digest: Mapped[bytes]
    """SHA-256 of the mutation's name and input."""
    made: Mapped[Object]
    """The ids of what was made or changed, by kind."""
    created_at: Mapped[Created]

    __table_args__ = (Index(None, "created_at"),)
