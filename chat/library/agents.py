"""Agents: who answers. An account makes its own; those for everybody are the server's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from chat import validation, windows
from chat.library import answer_schemas
from chat.library.resources import Kind
from chat.policy import OFTEN, TEXT
from chat.refusals import AgentConflict, InvalidInput
from chat.scope import Scope
from db import agents
from db.models import Agent, WhenFull
from db.page import Page, Span
from llm import parameters as model_parameters
from llm.errors import ModelError, ModelErrorCode

_AGENTS = Kind(
    "agent",
    Agent,
    AgentConflict,
    shared="This agent is there for everybody. Make one of your own, with `createAgent`.",
)

LIMITS = {"messages_per_minute": OFTEN, "runs_per_minute": OFTEN, "message_characters": TEXT}
"""What an agent can limit for each member, and the most of each."""
MOST_ACTIVE = 10_000
"""What a limit of active sessions can be at most."""


@dataclass(frozen=True, slots=True)
class Character:
    """What an agent is made of. In an edit, what is None stays as it is, and a blank text takes the old one away."""

    name: str | None = None
    description: str | None = None
    instructions: str | None = None
    provider: str | None = None
    model: str | None = None
    parameters: object = None
    context_tokens: int | None = None
    """How many tokens its model reads at once; 0: what is known of it."""
    metadata: object = None
    active_sessions: int | None = None
    """How many sessions with it a member may have that are not archived; 0: any number."""
    when_full: WhenFull | None = None
    limits: Mapping[str, int | None] | None = None
    """What a member may do with it, by the names of `LIMITS`. They replace the earlier ones."""

    def values(self) -> dict[str, Any]:
        """The columns that it sets.

        Raises:
            InvalidInput: a value cannot be used.
        """
        values: dict[str, Any] = {}
        if self.name is not None:
            values["name"] = validation.name("name", self.name)
        for field, most in _TEXTS.items():
            if (text := getattr(self, field)) is not None:
                values[field] = validation.note(field, text, most)
        for field, column in (("parameters", "parameters"), ("metadata", "meta")):
            if (value := getattr(self, field)) is not None:
                values[column] = validation.metadata(field, value)
        if "parameters" in values:
            _check(values["parameters"])
        if self.context_tokens is not None:
            if self.context_tokens and not windows.LEAST <= self.context_tokens <= windows.MOST:
                reason = f"It is a number of tokens from {windows.LEAST} to {windows.MOST:,}; null: what is known."
                raise InvalidInput("contextTokens", reason)
            values["context_tokens"] = self.context_tokens or None
        if self.active_sessions is not None:
            if not 0 <= self.active_sessions <= MOST_ACTIVE:
                raise InvalidInput("activeSessions", f"It is a number from 0 (no limit) to {MOST_ACTIVE:,}.")
            values["active_sessions"] = self.active_sessions or None
        if self.when_full is not None:
            values["when_full"] = self.when_full
        if self.limits is not None:
            values["limits"] = _limits(self.limits)
        return values


def _check(parameters: Mapping[str, object]) -> None:
    try:
        model_parameters.check(parameters)
    except ModelError as error:
        raise InvalidInput("parameters", error.reason) from error


_MODEL = ("provider", "model", "parameters")
"""What says who answers, and how."""


def _answerable(scope: Scope, values: Mapping[str, Any]) -> None:
    """Sees that the server has the provider that is named, and that it takes the parameters.

    Raises:
        InvalidInput: it has not, or it does not.
    """
    try:
        scope.process.models.check(values.get("provider"), values.get("model"), values.get("parameters") or {})
    except ModelError as error:
        missing = error.code is ModelErrorCode.NOT_CONFIGURED
        raise InvalidInput("provider" if missing else "parameters", error.reason) from error


def _limits(given: Mapping[str, int | None]) -> dict[str, int] | None:
    set_ = {name: limit for name, limit in given.items() if limit is not None}
    if any(not 1 <= limit <= LIMITS[name] for name, limit in set_.items()):
        raise InvalidInput(
            "limits",
            f"Each rate is from 1 to {OFTEN:,}, and the characters of a message from 1 to {TEXT:,}. "
            "Leave out what is not to be limited.",
        )
    return set_ or None


_TEXTS = {
    "description": validation.DESCRIPTION,
    "instructions": validation.INSTRUCTIONS,
    "provider": validation.NAME,
    "model": validation.NAME,
}


async def of_ids(scope: Scope, agent_ids: Sequence[UUID]) -> Sequence[Agent | None]:
    """The agents in the order of their ids."""
    return await _AGENTS.of_ids(scope, agent_ids)


async def page(scope: Scope, span: Span[tuple[datetime, UUID]]) -> Page[Agent]:
    """The agents that the viewer can choose from, newest first."""
    async with scope.tx() as tx:
        return await agents.page(tx, scope.viewer.id, span)


async def count(scope: Scope) -> int:
    """How many agents the viewer can choose from."""
    async with scope.tx() as tx:
        return await agents.count(tx, scope.viewer.id)


async def create(scope: Scope, character: Character, *, agent_id: UUID | None = None) -> Agent:
    """Makes an agent of the viewer's own. With a client-made id, doing it again returns what the first call made.

    Raises:
        InvalidInput: a value cannot be used.
        IdTaken: the id belongs to something else.
    """
    values = replace(character, name=character.name or "").values()
    await answer_schemas.check(values.get("parameters"))

    async def check(_: AsyncSession, _agent: Agent) -> None:
        _answerable(scope, values)

    agent = Agent(id=agent_id or uuid7(), owner_id=scope.viewer.id, **values)
    return _limited(scope, await _AGENTS.create(scope, agent, repeatable=agent_id is not None, check=check))


async def edit(scope: Scope, agent_id: UUID, character: Character, *, expected_version: int | None = None) -> Agent:
    """Sets the fields that are given. Replies that are asked for from now on follow them.

    Raises:
        NotFound: there is no such agent for the viewer.
        NotAllowed: it is there for everybody.
        InvalidInput: a value cannot be used.
        AgentConflict: the agent has another version than the expected one.
    """
    values = character.values()
    await answer_schemas.check(values.get("parameters"))

    async def check(_: AsyncSession, agent: Agent) -> None:
        if values.keys() & set(_MODEL):
            _answerable(scope, {name: getattr(agent, name) for name in _MODEL} | values)

    return _limited(scope, await _AGENTS.edit(scope, agent_id, values, expected_version, check=check))


async def delete(scope: Scope, agent_id: UUID) -> Agent:
    """Deletes an agent. Its sessions stay; the server's own answers in them from now on.

    Raises:
        NotFound: there is no such agent for the viewer.
        NotAllowed: it is there for everybody.
    """
    return await _AGENTS.delete(scope, agent_id)


def _limited(scope: Scope, agent: Agent) -> Agent:
    """The agent; if it has limits, this process looks at them from now on."""
    if agent.limits is not None:
        scope.process.allowances.special = True
    return agent
