"""What the rows of everything that an account makes for itself share."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from db.models.row import Counter, Created, Id, Row, Timestamp


class Owned(Row):
    """A row of an account's own, which its windows hear of in the account scope. A class has its `owner_id`."""

    __abstract__ = True

    if TYPE_CHECKING:
        owner_id: Any  # null where the row is there for everybody

    id: Mapped[Id]
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

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Index, ...]:
        return (
            Index(None, "owner_id", "seq"),
            Index(None, "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
        )
