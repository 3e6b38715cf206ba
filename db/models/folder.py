"""What a member sorts sessions into."""

from uuid import UUID

from sqlalchemy import Double, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.row import Counter, Created, Id, Row, Timestamp


class Folder(Row):
    """A folder of one account, perhaps in another one of it."""

    __tablename__ = "folders"

    id: Mapped[Id]
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("folders.id", ondelete="SET NULL"), index=True)
    name: Mapped[str]
    position: Mapped[float] = mapped_column(Double)
    """Its place among those of the same parent: the lowest comes first."""

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
        Index(None, "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
    )
