"""What an account makes for itself: made once, edited by version, deleted with a tombstone, told to its own windows."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from chat import references
from chat.library import nodes
from chat.quotas import sizes
from chat.refusals import IdTaken, NotAllowed, Noun, Refusal
from chat.scope import Scope, made
from db import models, owned, users
from sync import channels
from sync.cursors import ScopeKind

type Check[Row] = Callable[[AsyncSession, Row], Awaitable[None]]
"""Refuses what a rule of the kind does not allow, while nothing else of the account changes."""


async def _anything(_tx: AsyncSession, _row: object) -> None:
    """Allows everything."""


@dataclass(frozen=True, slots=True)
class Kind[Row: models.Owned]:
    """A kind of thing that accounts own."""

    noun: Noun
    model: type[Row]
    conflict: Callable[[Row], Refusal]
    """What an edit of another version than the expected one is refused with."""
    shared: str = ""
    """Why one cannot be changed that is there for everybody, if there are such."""

    async def of_ids(self, scope: Scope, ids: Sequence[UUID]) -> Sequence[Row | None]:
        """Those that exist, in the order of their ids."""
        async with scope.tx() as tx:
            found = await owned.of_ids(tx, self.model, ids)
        return [found.get(id) for id in ids]

    async def existing(self, tx: AsyncSession, row_id: UUID) -> Row:
        """One that is not deleted.

        Raises:
            NotFound: there is no such one for the viewer.
        """
        return await references.named(tx, self.noun, self.model, row_id)

    async def create(self, scope: Scope, row: Row, *, repeatable: bool, check: Check[Row] = _anything) -> Row:
        """Stores a new one of the viewer's. If `repeatable`, the same id again gives what the first call made.

        Raises:
            InvalidInput: its metadata is too large.
            IdTaken: the id belongs to something else.
        """
        async with scope.write() as tx:
            made(tx, **{self.noun: row.id})
            if repeatable and not await nodes.claim(tx, self.noun, row.id):
                return _own(scope, await owned.get(tx, self.model, row.id))
            row.seq = await users.advance(tx, scope.viewer.id)  # and so this account's other edits wait
            await sizes.check(tx, scope, metadata=getattr(row, "meta", None))  # a folder has none
            await check(tx, row)
            await owned.add(tx, row)
        ring(scope, row.seq)
        return row

    async def change(
        self,
        scope: Scope,
        row_id: UUID,
        values: Mapping[str, Any],
        expected_version: int | None = None,
        *,
        check: Check[Row] = _anything,
    ) -> Row:
        """Sets fields of one of the viewer's.

        Raises:
            NotFound: there is no such one.
            NotAllowed: it is there for everybody.
            InvalidInput: its metadata would be too large.
            Refusal: it has another version than the expected one; see `conflict`.
        """
        async with scope.write() as tx:
            made(tx, **{self.noun: row_id})
            seq = await users.advance(tx, scope.viewer.id)  # and so this account's other edits wait
            found = await self.existing(tx, row_id)
            if found.owner_id is None:
                raise NotAllowed(self.shared)
            if expected_version not in (None, found.version):
                tx.expunge_all()  # the refusal outlives the transaction
                raise self.conflict(found)
            await sizes.check(tx, scope, metadata=values.get("meta"))
            await check(tx, found)
            row = await owned.change(tx, self.model, row_id, seq, values)
        ring(scope, seq)
        return row

    async def edit(
        self,
        scope: Scope,
        row_id: UUID,
        values: Mapping[str, Any],
        expected_version: int | None,
        *,
        check: Check[Row] = _anything,
    ) -> Row:
        """As `change`, by a person: the version rises."""
        values = {"version": self.model.version + 1, **values}
        return await self.change(scope, row_id, values, expected_version, check=check)

    async def delete(self, scope: Scope, row_id: UUID) -> Row:
        """Deletes one of the viewer's; its tombstone stays. Else as `change`."""
        return await self.change(scope, row_id, {"deleted_at": func.now()})


def _own[Row: models.Owned](scope: Scope, row: Row | None) -> Row:
    if row is None or row.deleted_at is not None or row.owner_id != scope.viewer.id:
        raise IdTaken("id")
    return row


def ring(scope: Scope, head: int) -> None:
    """Tells the viewer's windows."""
    channels.ring(scope.process.bus, ScopeKind.ACCOUNT, scope.viewer.id, head)
