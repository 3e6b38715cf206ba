"""Putting the older part of a conversation in short, so that a model can be told the rest of it.

It happens when a reply would not fit into the window of its model, by that model. What it writes is stored with the
last message that it is of (`chat.conversation.compactions`), and counts for all later replies on that branch. While the
model writes, nothing is locked: what has changed meanwhile makes it void.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from chat.conversation import compactions, sessions
from chat.conversation.summaries import SummarySource
from chat.process import Process
from chat.runs import model_context, transcripts, usages
from chat.runs.model_context import Context
from chat.runs.rooms import Room
from db import compactions as compaction_rows
from db import memberships, messages, texts
from db import sessions as session_rows
from db.compactions import State
from db.models import Agent, Json, Message, Run
from llm.answers import Answer, Need
from llm.errors import ModelError, ModelErrorCode
from llm.turns import Turn
from sync import channels
from sync.retry import patiently

_log = logging.getLogger("transom.compacting")

INSTRUCTIONS = (
    "You put the beginning of a conversation between a user and an assistant in short, so that the assistant can go on "
    "without it. Keep what it needs: what the user wants and prefers, names, numbers, decisions, what was found and "
    "made, and what is open. Write plain prose in the language of the conversation, at most {words} words, and nothing "
    "else. Do not answer the conversation."
)
_SHARE, _LONGEST = 12, 1_000
"""A compaction has at most this share of a window's tokens, and never more than so many."""
_MOST = 0.25
"""The share of the room that is kept of a longer one: some models write more than they are allowed to."""
_MORE = 4
"""How many times as many tokens a model has for the next try that has written nothing: it may have thought too long."""
_AT_ONCE = 0.9
"""How well a prompt's tokens are known."""
_WORDS = 0.6
"""Words in a token, where all that a model is asked for is to be whole."""
_TRIES = 4
"""How often a model is asked for one that it refuses as too long."""


async def fit(
    process: Process, run: Run, reply: Message, agent: Agent | None, room: Room
) -> tuple[Context, tuple[Turn, ...]]:
    """What the model is told for a run's reply, when as much of it as needed has been put in short.

    Raises:
        ModelError: the model could not be asked to.
    """
    while True:
        context, turns = await patiently(partial(_told, process, reply, agent, room), "A reply")
        if context.through is None:
            return context, turns
        part = await patiently(partial(_part, process, reply, agent, room), "A compaction")
        if part is None:
            continue
        written = await _written(process, run, agent, room, part)
        await patiently(partial(_store, process, part, written), "A compaction")


async def _told(process: Process, reply: Message, agent: Agent | None, room: Room) -> tuple[Context, tuple[Turn, ...]]:
    async with process.db.system() as tx:
        context = await model_context.before(tx, reply, agent, room)
        return context, () if context.through is not None else await model_context.turns(tx, context)


@dataclass(frozen=True, slots=True)
class _Part:
    """What is put in short."""

    context: Context
    said: Sequence[Message]
    """The messages, the oldest first."""
    state: State
    """How they were."""

    @property
    def depths(self) -> range:
        return range(self.context.start, self.said[-1].depth + 1)


async def _part(process: Process, reply: Message, agent: Agent | None, room: Room) -> _Part | None:
    """What is to be put in short, as it is at one moment; None where nothing is by now."""
    async with process.db.system(snapshot=True) as tx:
        context = await model_context.before(tx, reply, agent, room)
        if context.through is None:
            return None
        where = context.session_id, context.branch, range(context.start, context.through + 1)
        state = await compaction_rows.state(tx, *where)
        path = await messages.path(tx, *where)
    lasting = {each.depth for each in context.outline if each.lasts}
    return _Part(context, [message for message in path if message.depth not in lasting], state)


async def _written(process: Process, run: Run, agent: Agent | None, room: Room, part: _Part) -> Json:
    """A compaction; where the model writes none that could be used, one of the beginnings of what was said."""
    last = part.said[-1]
    tokens = limit = min(room.window // _SHARE, _LONGEST)
    most = room.bytes - len(INSTRUCTIONS)
    for _ in range(_TRIES):
        prompt = transcripts.of(part.context.base, part.said, most)
        try:
            answer = await _asked(process, run, agent, room, prompt, tokens, limit)
        except ModelError as error:
            if error.code is ModelErrorCode.TOO_LONG:
                room.refused(len(prompt.encode()), error)
                most = min(room.bytes - len(INSTRUCTIONS), most / 2)
            elif error.code is ModelErrorCode.REFUSED:
                break
            elif error.code is not ModelErrorCode.PROVIDER_FAILED:
                raise
            else:
                limit = max(limit, min(limit * _MORE, room.window - room.tokens(len(prompt.encode()) / _AT_ONCE)))
        else:
            text = transcripts.shortened(texts.storable(answer.text).strip(), room.bytes * _MOST)
            return compactions.of(text, SummarySource.MODEL, last, answer.model, usages.of(answer.usage))
    _log.warning("The model put nothing in short; its replies are told the beginnings of messages.")
    text = transcripts.beginnings(part.context.base, part.said, tokens * room.bytes_per_token)
    return compactions.of(text, SummarySource.MODEL, last)


async def _asked(
    process: Process, run: Run, agent: Agent | None, room: Room, prompt: str, tokens: int, limit: int
) -> Answer:
    """What a model makes of a prompt in about so many tokens; with its thoughts it may have more, up to the limit."""
    tell = partial(channels.progress, process.bus, run.session_id, run.id, compacting=True)
    tell(0, room.tokens(len(prompt.encode())))
    answer = await process.models.write(
        prompt,
        INSTRUCTIONS.format(words=round(tokens * _WORDS)),
        tokens=limit,
        provider=agent.provider if agent else None,
        model=agent.model if agent else None,
        need=Need.SOME,
        on_progress=lambda progress: tell(progress.read, progress.total),
    )
    if not answer.text.strip():
        raise ModelError("The model wrote nothing.", ModelErrorCode.PROVIDER_FAILED)
    return answer


async def _store(process: Process, part: _Part, compaction: Json) -> None:
    """Stores a compaction with the last message that it is of, unless something of it is another by now."""
    where, base, last = (part.context.session_id, part.context.branch), part.context.base, part.said[-1]
    async with process.db.system() as tx:
        session = await session_rows.advance(tx, where[0], 0)  # nothing in it changes from here on
        if session is None or await compaction_rows.state(tx, *where, part.depths) != part.state:
            return
        now = await compaction_rows.newest(tx, *where, part.depths.stop)
        if _identity(now) != _identity(base):
            return
        session = await session_rows.advance(tx, session.id) or session
        await messages.change(tx, last.id, session.head, {"compaction": compaction})
        heads = await memberships.touch(tx, session.id)
    sessions.ring(process, session)
    sessions.ring_members(process, heads)


def _identity(base: Message | None) -> tuple[object, object] | None:
    return None if base is None else (base.id, base.compaction)
