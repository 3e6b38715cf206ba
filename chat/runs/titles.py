"""Titles of sessions: the first words at once, the model's own a little later, a person's above both."""

import logging
from typing import Any
from uuid import UUID

from chat.conversation import sessions
from chat.conversation.first_words import LENGTH
from chat.process import Process
from db import memberships, owned, texts
from db import sessions as session_rows
from db.models import Agent, Message, Session, TitleSource
from llm.answers import Need
from llm.errors import ModelError

_log = logging.getLogger("transom.titles")

TOKENS = 24
"""The longest title that a model is asked for."""

INSTRUCTIONS = (
    "Write a title for the conversation that follows: at most six words, in its language, "
    "without quotation marks and without a full stop. Answer with the title alone."
)


def tidy(answer: str) -> str | None:
    """The title in a model's answer; None where there is none that could be used."""
    lines = [line.strip(" \t\"'“”„«»*#_`.") for line in texts.composed(answer).strip().splitlines()]
    title = next((line for line in lines if line), "")
    title = title.removeprefix("Title:").strip(" \"'")
    return title if 0 < len(title) <= LENGTH else None


async def improve(process: Process, session_id: UUID, question: Message, answer: str) -> None:
    """Asks the model for a title after the first exchange. A title from elsewhere, or a deleted session, stays."""
    async with process.db.system() as tx:
        session = await session_rows.get(tx, session_id)
        agent = await owned.get(tx, Agent, session.agent_id) if session is not None and session.agent_id else None
    if session is None or session.title_source is not TitleSource.FIRST_WORDS:
        return
    exchange = f"User: {question.content[:2000]}\n\nAssistant: {answer[:2000]}"
    provider, model = (agent.provider, agent.model) if agent else (None, None)
    try:
        written = await process.models.write(
            exchange, INSTRUCTIONS, tokens=TOKENS, provider=provider, model=model, need=Need.LINE
        )
    except ModelError as error:
        _log.info("The model gave no title: %s", error.reason)
        return
    if (title := tidy(written.text)) is not None:
        await _set(process, session_id, title)


async def _set(process: Process, session_id: UUID, title: str) -> None:
    async with process.db.system() as tx:
        unchanged = (session_rows.ALIVE, Session.title_source == TitleSource.FIRST_WORDS)
        values: dict[str, Any] = {"title": title, "title_source": TitleSource.MODEL}
        session = await session_rows.advance(tx, session_id, 0, where=unchanged, **values)
        heads = {} if session is None else await memberships.touch(tx, session_id)
    sessions.ring_members(process, heads)
