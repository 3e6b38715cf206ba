"""Fields of objects that show a row: each is made when it is asked for."""

import asyncio
from collections.abc import Awaitable, Callable
from operator import attrgetter
from typing import Any
from uuid import UUID

from strawberry.dataloader import DataLoader


def shown(make: Callable[[Any], Any]) -> Any:
    """A field that is made from the object."""
    return property(make)


def same(path: str) -> Any:
    """A field that is an attribute of the row, as it is."""
    return property(attrgetter(path))


def later[Row, Shown](
    rows: DataLoader[UUID, Row | None], row_id: UUID | None, show: Callable[[Row], Shown]
) -> Awaitable[Shown | None]:
    """What is shown of another row; null where there is none. It is a future, which nobody has to await."""
    found: asyncio.Future[Shown | None] = asyncio.get_running_loop().create_future()

    def loaded(row: asyncio.Future[Row | None]) -> None:
        if found.done():
            return  # nobody waits for it any more
        if row.cancelled():
            found.cancel()
            return
        try:
            known = row.result()
            found.set_result(None if known is None else show(known))
        except Exception as error:
            found.set_exception(error)

    if row_id is None:
        found.set_result(None)
    else:
        asyncio.ensure_future(rows.load(row_id)).add_done_callback(loaded)
    return found
