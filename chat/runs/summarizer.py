"""Summaries that the model writes when somebody asks for one. While it writes, nothing is locked and nothing waits."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat.conversation import locks, placement, sessions, summaries
from chat.conversation.sessions import Seen
from chat.conversation.summaries import SummarySource
from chat.process import Process
from chat.quotas import quotas
from chat.refusals import InvalidInput, ModelFailed, NotAllowed
from chat.runs import message_turns
from chat.scope import Scope, made
from db import branches, memberships, messages, owned
from db import sessions as session_rows
from db.models import Agent, Json, Message, MessageRole
from llm.errors import ModelError, ModelErrorCode

INSTRUCTIONS = (
    "Summarise the conversation that follows for somebody who was not there: what was asked, what was found, what was "
    "decided and what is open. At most 150 words, in its language. Answer with the summary alone."
)
ROOMS = (48_000, 3_000)
"""Characters of a conversation that a model is told; where they are too many for it, the next number is tried.

What cannot take the first is a small model on a small machine, which would read for longer than somebody waits.
"""
TOKENS = 384
"""The longest summary that a model is asked for."""

_SPEAKERS = {
    MessageRole.USER: "User",
    MessageRole.ASSISTANT: "Assistant",
    MessageRole.SYSTEM: "System",
    MessageRole.TOOL: "Tool",
}


async def summarize(scope: Scope, session_id: UUID, *, replace: bool = False) -> Seen:
    """Has the model of the session's agent write a summary of the branch that the viewer sees, and stores it.

    Of a long conversation the model is told the newest part, and the earlier summary of that path if there is one.

    Raises:
        NotFound: there is no such session for the viewer, or it was deleted meanwhile.
        NotAllowed: the viewer may only read it; or a person wrote the summary that there is and `replace` is not set,
            or wrote one meanwhile; or messages were deleted meanwhile.
        InvalidInput: nothing has been said.
        QuotaExceeded: the viewer asks for replies more often than they may.
        ModelFailed: the model wrote nothing, or took too long.
    """
    source = await _read(scope, session_id, replace=replace)
    text, told = await _written(scope.process, source)
    return await _store(scope, session_id, source, text, told)


@dataclass(frozen=True, slots=True)
class _Source:
    """What there is to be summarised."""

    said: Sequence[Message]
    """The newest of the path, the oldest first; not empty."""
    summary: Json | None
    """The summary that there is."""
    depth: int | None
    """The depth of the last message that it goes up to, if that is on the path."""
    agent: Agent | None


@dataclass(frozen=True, slots=True)
class _Told:
    """What a model is told."""

    prompt: str
    messages: Sequence[Message]
    count: int
    """How many messages the summary will be of, with those of the earlier one."""
    continues: bool
    """Whether it is told the earlier summary."""


async def _read(scope: Scope, session_id: UUID, *, replace: bool) -> _Source:
    async with scope.tx() as tx:
        await scope.unless_done(tx)
        session, member = await sessions.writable(tx, scope, session_id)
        if summaries.is_of_person(session.summary) and not replace:
            raise NotAllowed("A person wrote the summary that there is. Edit it, or ask with `replace: true`.")
        said = await message_turns.said(tx, session_id, placement.shown(session, member))
        if not said:
            raise InvalidInput("id", "Nothing has been said in this session that could be summarised.")
        await quotas.claim(tx, scope, runs=1, on=session_id)
        depth = await _depth(tx, session.summary, said[-1])
        tx.expunge_all()  # it is read on without the transaction
    async with scope.process.db.system() as tx:  # members may use an agent that is another one's own
        agent = None if session.agent_id is None else await owned.get(tx, Agent, session.agent_id)
    return _Source(said, session.summary, depth, agent)


async def _depth(tx: AsyncSession, summary: Json | None, last: Message) -> int | None:
    if summary is None or summary["messageId"] is None:
        return None
    message = await messages.get(tx, UUID(summary["messageId"]))
    branch = await branches.get(tx, last.session_id, last.branch)
    if message is None or message.is_withdrawn or branch is None:
        return None
    passed = branches.segments(branch, range(message.depth, message.depth + 1))
    return message.depth if [segment.branch for segment in passed] == [message.branch] else None


async def _written(process: Process, source: _Source) -> tuple[str, _Told]:
    """A summary, and what the model was told for it."""
    longest = process.timing.summary
    try:
        async with asyncio.timeout(longest):
            for room in ROOMS[:-1]:
                told = _told(source, room)
                try:
                    return await _asked(process, source.agent, told), told
                except ModelError as error:
                    if error.code is not ModelErrorCode.TOO_LONG:
                        raise
            told = _told(source, ROOMS[-1])
            return await _asked(process, source.agent, told), told
    except ModelError as error:
        raise ModelFailed(error.code, error.reason) from error
    except TimeoutError:
        reason = f"The model took longer than {longest:g} seconds for a summary. Try again later."
        raise ModelFailed(ModelErrorCode.TIMED_OUT, reason) from None


def _told(source: _Source, room: int) -> _Told:
    """The newest messages that fit; where others precede them, behind the earlier summary."""
    lines: list[str] = []
    left = room
    for message in reversed(source.said):
        line = f"{_SPEAKERS[message.role]}: {message.content}"
        if lines and len(line) > left:
            break
        lines.insert(0, line[:left])
        left -= len(line)
    fitting = source.said[-len(lines) :]
    whole = len(fitting) == len(source.said) and fitting[0].depth == 0
    if source.summary is None or source.depth is None or whole:
        return _Told("\n\n".join(lines), fitting, len(fitting), continues=False)
    lines.insert(0, f"Summary of what was said before: {source.summary['text'][: room // 4]}")
    new = [message for message in fitting if message.depth > source.depth]
    return _Told("\n\n".join(lines), fitting, source.summary["messageCount"] + len(new), continues=True)


async def _asked(process: Process, agent: Agent | None, told: _Told) -> str:
    provider, model = (agent.provider, agent.model) if agent else (None, None)
    answer = await process.models.write(told.prompt, INSTRUCTIONS, tokens=TOKENS, provider=provider, model=model)
    if not (text := answer.text.strip()):
        raise ModelError("The model wrote no summary. Try again.", ModelErrorCode.PROVIDER_FAILED)
    return text


async def _store(scope: Scope, session_id: UUID, source: _Source, text: str, told: _Told) -> Seen:
    async with scope.write() as tx:
        made(tx, session=session_id)
        session = await locks.session(tx, scope, session_id)
        if summaries.is_of_person(session.summary) and session.summary != source.summary:
            raise NotAllowed("A person wrote a summary while the model did. Look at it, and ask again if you want to.")
        forgotten = told.continues and session.summary is None
        if forgotten or await messages.count_shown(tx, [message.id for message in told.messages]) < len(told.messages):
            raise NotAllowed("Messages were deleted while the summary was written. Ask again.")
        summary = summaries.of(text, SummarySource.MODEL, told.messages[-1].id, told.count)
        await session_rows.advance(tx, session_id, 0, summary=summary)
        heads = await memberships.touch(tx, session_id)
        found = await sessions.seen(tx, scope, session_id)
    sessions.ring_members(scope.process, heads)
    return found
