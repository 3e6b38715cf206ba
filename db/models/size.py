"""How much is stored, as far as somebody has counted it."""

from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.models.row import Counter, Row


class Size(Row):
    """What the messages of one session had when its head was there. It holds as long as the head has not moved."""

    __tablename__ = "sizes"

    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    head: Mapped[Counter]
    """The last number of the session scope that was counted."""
    bytes: Mapped[Counter]
    """Of the parts and the metadata of its messages, as JSON."""
