"""What a model was found to be able to read."""

from sqlalchemy import text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.row import Row, Timestamp


class LearnedWindow(Row):
    """How many tokens a model reads at once, from the words with which its provider refused more."""

    __tablename__ = "learned_windows"

    provider: Mapped[str] = mapped_column(primary_key=True)
    """Its name; empty for the server's own."""
    model: Mapped[str] = mapped_column(primary_key=True)
    """Its name; empty for the provider's default."""
    tokens: Mapped[int]
    learned_at: Mapped[Timestamp] = mapped_column(server_default=text("now()"))
