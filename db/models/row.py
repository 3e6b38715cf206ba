"""What every table shares: its metadata, how names are made, how columns are typed."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column
from uuid_utils.compat import uuid7

type Json = dict[str, Any]

Id = Annotated[UUID, mapped_column(sa.Uuid, primary_key=True, default=uuid7)]
Object = Annotated[Json, mapped_column(JSONB, default=dict, server_default=sa.text("'{}'::jsonb"))]
Timestamp = Annotated[datetime, mapped_column(sa.DateTime(timezone=True))]
Created = Annotated[datetime, mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())]
Counter = Annotated[int, mapped_column(sa.BigInteger, default=0, server_default=sa.text("0"))]


class Row(DeclarativeBase):
    """A row of a table."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {Json: JSONB}  # noqa: RUF012  (the name is SQLAlchemy's)


def choice(kind: type[StrEnum]) -> sa.Enum:
    """A column type that stores a member of `kind` by its value, as text that a CHECK constraint guards."""

    def values(members: type[StrEnum]) -> list[str]:
        return [member.value for member in members]

    return sa.Enum(
        kind,
        native_enum=False,
        values_callable=values,
        create_constraint=True,
        length=16,
        name=kind.__name__.lower(),
    )
