"""Anything by its id."""

import asyncio
from typing import Annotated, cast
from uuid import UUID

import strawberry

from chat.library import nodes
from chat.refusals import InvalidInput
from db.nodes import Kind
from schema import identifier
from schema.agent import Agent
from schema.context import Info
from schema.folder import Folder
from schema.message import Message
from schema.node import Node
from schema.project import Project
from schema.run import Run
from schema.session import Session
from schema.template import Template

MOST = 100
"""Ids that one call may ask for."""


async def node(info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]) -> Node | None:
    """One object."""
    return (await _load(info, [identifier.parse("id", id)]))[0]


async def many(
    info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description="The ids, at most 100.")]
) -> list[Node | None]:
    """Several objects, in the order of their ids. An id that is none gives null and an error of its own."""
    if len(ids) > MOST:
        raise InvalidInput("ids", f"Ask for at most {MOST} ids at once.")
    parsed = [_parsed(id) for id in ids]
    found = iter(await _load(info, [id for id in parsed if isinstance(id, UUID)]))
    # GraphQL takes an exception in a list for an error of that item.
    return cast("list[Node | None]", [next(found) if isinstance(id, UUID) else id for id in parsed])


def _parsed(id: strawberry.ID) -> UUID | InvalidInput:
    try:
        return identifier.parse("ids", id)
    except InvalidInput as error:
        return error


async def _load(info: Info, ids: list[UUID]) -> list[Node | None]:
    kinds = await nodes.kinds(info.context.scope, ids)
    return list(await asyncio.gather(*(_one(info, kinds.get(id), id) for id in ids)))


async def _one(info: Info, kind: Kind | None, id: UUID) -> Node | None:
    loaders = info.context
    match kind:
        case "session":
            seen = await loaders.sessions.load(id)
            return None if seen is None else Session.of(seen)
        case "message":
            message = await loaders.messages.load(id)
            return None if message is None else Message.of(message)
        case "run":
            run = await loaders.runs.load(id)
            return None if run is None else Run.of(run)
        case "project":
            project = await loaders.projects.load(id)
            return None if project is None else Project.of(project)
        case "agent":
            agent = await loaders.agents.load(id)
            return None if agent is None else Agent.of(agent)
        case "template":
            template = await loaders.templates.load(id)
            return None if template is None else Template.of(template)
        case "folder":
            folder = await loaders.folders.load(id)
            return None if folder is None else Folder.of(folder)
        case None:
            return None
