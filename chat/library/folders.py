"""Folders: a tree of an account's own, for sorting sessions. Siblings have an order."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from chat import references, validation
from chat.library import ordering
from chat.library.resources import Kind, ring
from chat.refusals import FolderConflict, InvalidInput, QuotaExceeded
from chat.same import SAME, Same
from chat.scope import Scope, made
from db import folders, owned, users
from db.models import Folder

_FOLDERS = Kind("folder", Folder, FolderConflict)

MOST = 1_000
"""Folders of one account."""
DEEPEST = 16
"""Folders from the top to the lowest."""


async def of_ids(scope: Scope, folder_ids: Sequence[UUID]) -> Sequence[Folder | None]:
    """The folders in the order of their ids."""
    return await _FOLDERS.of_ids(scope, folder_ids)


async def everything(scope: Scope) -> Sequence[Folder]:
    """All folders of the viewer, those of the same parent in their order."""
    async with scope.tx() as tx:
        return await folders.of_owner(tx, scope.viewer.id)


async def create(scope: Scope, name: str, *, folder_id: UUID | None = None, parent_id: UUID | None = None) -> Folder:
    """Makes a folder, the last of its parent. With a client-made id, doing it again returns what the first call made.

    Raises:
        InvalidInput: the name cannot be used, or it would be too deep.
        NotFound: there is no such parent.
        IdTaken: the id belongs to something else.
        QuotaExceeded: there are as many as there may be.
    """
    folder = Folder(
        id=folder_id or uuid7(), owner_id=scope.viewer.id, parent_id=parent_id, name=validation.name("name", name)
    )

    async def last(tx: AsyncSession, folder: Folder) -> None:
        await references.check(tx, folder=parent_id)
        tree = _Tree(await folders.of_owner(tx, scope.viewer.id))
        if len(tree.by_id) >= MOST:
            reason = f"You have {MOST:,} folders, which is all there may be. Delete one first."
            raise QuotaExceeded(reason, limit=MOST, used=len(tree.by_id))
        tree.check_place(parent_id, height=1)
        siblings = tree.children(parent_id)
        folder.position, _ = _place(siblings, len(siblings))

    return await _FOLDERS.create(scope, folder, repeatable=folder_id is not None, check=last)


async def edit(
    scope: Scope, folder_id: UUID, *, name: str | None = None, expected_version: int | None = None
) -> Folder:
    """Sets the fields that are given.

    Raises:
        NotFound: there is no such folder.
        InvalidInput: the name cannot be used.
        FolderConflict: the folder has another version than the expected one.
    """
    values = {} if name is None else {"name": validation.name("name", name)}
    return await _FOLDERS.edit(scope, folder_id, values, expected_version)


async def move(
    scope: Scope, folder_id: UUID, parent_id: UUID | Literal[Same.SAME] | None, before: UUID | None
) -> Folder:
    """Puts a folder into another one, or to the top; before a sibling there, or last.

    With `SAME` for its parent, it goes to where `before` is, or stays in its parent.

    Raises:
        NotFound: there is no such folder, or no such parent.
        InvalidInput: it would be in itself or too deep, or `before` is not there.
    """
    async with scope.write() as tx:
        made(tx, folder=folder_id)
        await users.advance(tx, scope.viewer.id, 0)  # from here on the tree stays as it is
        moved = await _FOLDERS.existing(tx, folder_id)
        if parent_id is not SAME:
            await references.check(tx, folder=parent_id)
        tree = _Tree(await folders.of_owner(tx, scope.viewer.id))
        if parent_id is SAME:
            parent_id = (tree.by_id.get(before, moved) if before is not None else moved).parent_id
        if folder_id in tree.path(parent_id):
            raise InvalidInput("parentId", "A folder cannot be in itself.")
        tree.check_place(parent_id, height=tree.height(folder_id))
        siblings = [each for each in tree.children(parent_id) if each.id != folder_id]
        place = len(siblings)
        if before is not None:
            place = next((index for index, each in enumerate(siblings) if each.id == before), -1)
            if place < 0:
                raise InvalidInput("beforeId", "There is no such folder in that place.")
        position, others = _place(siblings, place)
        seq = await users.advance(tx, scope.viewer.id, len(others) + 1)
        for number, (each, other) in enumerate(others, start=seq - len(others)):
            await owned.change(tx, Folder, each.id, number, {"position": other})
        folder = await owned.change(tx, Folder, folder_id, seq, {"parent_id": parent_id, "position": position})
    ring(scope, seq)
    return folder


def _place(siblings: Sequence[Folder], at: int) -> tuple[str, Sequence[tuple[Folder, str]]]:
    """A place before `siblings[at]`, or behind all; and siblings that get other places, too, where those are long."""
    places = [each.position for each in siblings]
    place = ordering.between(places[at - 1] if at else "", places[at] if at < len(places) else None)
    if len(place) <= ordering.LONGEST:
        return place, []
    place, others = ordering.room(places, at)
    return place, [(siblings[index], other) for index, other in others]


async def delete(scope: Scope, folder_id: UUID) -> Folder:
    """Deletes a folder. What is in it, folders and sessions, comes to where the folder was.

    Raises:
        NotFound: there is no such folder.
    """
    async with scope.write() as tx:
        made(tx, folder=folder_id)
        await users.advance(tx, scope.viewer.id, 0)
        gone = await _FOLDERS.existing(tx, folder_id)
        tree = _Tree(await folders.of_owner(tx, scope.viewer.id))
        inner, siblings = tree.children(folder_id), tree.children(gone.parent_id)
        filed = await folders.filed(tx, scope.viewer.id, folder_id)
        last = await users.advance(tx, scope.viewer.id, len(inner) + filed + 1)
        first = last - len(inner) - filed
        place = siblings[-1].position
        for number, each in enumerate(inner):
            place = ordering.between(place, None)
            values = {"parent_id": gone.parent_id, "position": place}
            await owned.change(tx, Folder, each.id, first + number, values)
        await folders.refile(tx, scope.viewer.id, folder_id, gone.parent_id, last - filed - 1)
        folder = await owned.change(tx, Folder, folder_id, last, {"deleted_at": func.now()})
    ring(scope, last)
    return folder


class _Tree:
    """The folders of an account."""

    def __init__(self, rows: Sequence[Folder]) -> None:
        self.by_id = {row.id: row for row in rows}
        self._children: dict[UUID | None, list[Folder]] = {}
        for row in rows:
            self._children.setdefault(row.parent_id, []).append(row)

    def children(self, parent_id: UUID | None) -> Sequence[Folder]:
        """The folders in a folder, or at the top, in their order."""
        return self._children.get(parent_id, [])

    def path(self, folder_id: UUID | None) -> Sequence[UUID]:
        """A folder and those that it is in."""
        path = []
        while folder_id is not None:
            path.append(folder_id)
            folder_id = self.by_id[folder_id].parent_id if folder_id in self.by_id else None
        return path

    def height(self, folder_id: UUID) -> int:
        """How many folders deep a folder is, itself included."""
        return 1 + max((self.height(child.id) for child in self.children(folder_id)), default=0)

    def check_place(self, parent_id: UUID | None, *, height: int) -> None:
        """Passes if something of this height can be in a folder."""
        if len(self.path(parent_id)) + height > DEEPEST:
            raise InvalidInput("parentId", f"Folders go at most {DEEPEST} deep. Choose a parent nearer to the top.")
