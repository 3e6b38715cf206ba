"""Epochs: after a restore from a backup, the numbers that clients hold belong to a history that never was."""

from sqlalchemy import Integer, cast, func, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Session, User


async def renew(tx: AsyncSession) -> None:
    """Begins a new epoch in every scope, so that every cursor which was given out before is answered with a reset.

    Epochs are minutes since 1970 then, so that a second restore of the same backup does not repeat one.
    """
    minutes = cast(func.floor(func.extract("epoch", func.now()) / 60), Integer)
    for kind in (User, Session):
        await tx.execute(
            update(kind).values(epoch=func.greatest(kind.epoch + 1, minutes)),
            execution_options={"synchronize_session": False},
        )
