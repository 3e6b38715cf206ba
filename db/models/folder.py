"""What a member sorts sessions into."""

from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from db.models.owned import Owned


class Folder(Owned):
    """A folder of one account, perhaps in another one of it."""

    __tablename__ = "folders"

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("folders.id", ondelete="SET NULL"), index=True)
    name: Mapped[str]
    position: Mapped[str] = mapped_column(String(collation="C"))
    """Its place among those of the same parent (`chat.library.ordering`): the lowest comes first."""
