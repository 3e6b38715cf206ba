"""Folders: list and change."""

from typing import Annotated

import strawberry

from chat.library import folders
from chat.same import SAME
from schema import identifier
from schema.context import Info
from schema.folder import Folder
from schema.input import CreateFolderInput, EditFolderInput
from schema.payload import DeleteFolderPayload, FolderPayload
from schema.repeat import Key, once
from schema.result import CreateFolderResult, DeleteFolderResult, EditFolderResult, MoveFolderResult

FolderId = Annotated[strawberry.ID, strawberry.argument(description="The folder's id.")]


async def folder(info: Info, id: FolderId) -> Folder | None:
    """One folder."""
    row = await info.context.folders.load(identifier.parse("id", id))
    return None if row is None else Folder.of(row)


async def everything(info: Info) -> list[Folder]:
    """All folders of the viewer."""
    return [Folder.of(row) for row in await folders.everything(info.context.scope)]


async def create(
    info: Info,
    input: Annotated[CreateFolderInput, strawberry.argument(description="The folder.")],
    client_mutation_id: Key = None,
) -> CreateFolderResult:
    """Makes a folder."""
    row = await folders.create(
        once(info, "createFolder", client_mutation_id, input),
        input.name,
        folder_id=identifier.optional("id", input.id),
        parent_id=identifier.optional("parentId", input.parent_id),
    )
    return FolderPayload(folder=Folder.of(row))


async def edit(
    info: Info,
    input: Annotated[EditFolderInput, strawberry.argument(description="What to change.")],
    client_mutation_id: Key = None,
) -> EditFolderResult:
    """Changes a folder."""
    row = await folders.edit(
        once(info, "editFolder", client_mutation_id, input),
        identifier.parse("id", input.id),
        name=input.name,
        expected_version=input.expected_version,
    )
    return FolderPayload(folder=Folder.of(row))


async def move(
    info: Info,
    id: FolderId,
    parent_id: Annotated[
        strawberry.Maybe[strawberry.ID | None],
        strawberry.argument(
            description="The folder to put it into; null for the top. Left out: where `beforeId` is, or where it is."
        ),
    ] = None,
    before_id: Annotated[
        strawberry.ID | None,
        strawberry.argument(description="The folder there that it is to come before; null: it comes last."),
    ] = None,
    client_mutation_id: Key = None,
) -> MoveFolderResult:
    """Moves a folder."""
    row = await folders.move(
        once(info, "moveFolder", client_mutation_id, id, parent_id, before_id),
        identifier.parse("id", id),
        SAME if parent_id is None else identifier.optional("parentId", parent_id.value),
        identifier.optional("beforeId", before_id),
    )
    return FolderPayload(folder=Folder.of(row))


async def delete(info: Info, id: FolderId, client_mutation_id: Key = None) -> DeleteFolderResult:
    """Deletes a folder."""
    row = await folders.delete(once(info, "deleteFolder", client_mutation_id, id), identifier.parse("id", id))
    return DeleteFolderPayload(id=identifier.of(row.id))
