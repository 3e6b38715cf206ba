"""How full the window of a model is that would answer next."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chat.runs import model_context
from chat.runs.rooms import Room
from chat.scope import Scope
from db import messages, owned, runs
from db import sessions as session_rows
from db.models import Agent, Message

type Path = tuple[UUID, int]
"""A session, and a branch of it."""


@dataclass(frozen=True, slots=True)
class Fullness:
    """What a model would be told of a path, in tokens: as its provider has counted so far, or about so many."""

    tokens: int
    room: int
    """How many it can be told before the older part is put in short."""
    window: int
    """How many it reads and writes at once."""
    messages: int
    """How many messages it would be told as they are."""
    base: Message | None
    """The last message of the part that it would be told in short, whose compaction is what it is told."""


async def of(scope: Scope, paths: Sequence[Path]) -> Sequence[Fullness | None]:
    """How full it is for each path; None where there is no such one for the viewer.

    One after the other: a list of many must not take the connections that others wait for.
    """
    return [await _of(scope, *path) for path in paths]


async def _of(scope: Scope, session_id: UUID, number: int) -> Fullness | None:
    async with scope.tx() as tx:
        session = await session_rows.get(tx, session_id)
        last = await messages.last(tx, session_id, number)
    if session is None:
        return None
    async with scope.process.db.system() as tx:  # members may use an agent that is another one's own
        agent = None if session.agent_id is None else await owned.get(tx, Agent, session.agent_id)
        counted = await runs.last_count(tx, session_id)
    room = Room.of(await scope.process.windows.of(agent), agent)
    if counted is not None:
        room.counted(*counted)
    stop = 0 if last is None else last.depth + 1
    async with scope.tx() as tx:
        context = await model_context.of(tx, session_id, number if last is None else last.branch, stop, agent, room)
    told = sum(1 for each in context.outline if each.weight)
    return Fullness(room.tokens(context.weight), room.size, room.window, told, context.base)
