"""Templates: what new sessions begin with. Each is its owner's alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from chat import references, validation
from chat.library.resources import Kind
from chat.quotas import effective, sizes
from chat.refusals import InvalidInput, QuotaExceeded, TemplateConflict
from chat.scope import Scope
from db import owned, templates, texts
from db.models import Json, MessageRole, Template

_TEMPLATES = Kind("template", Template, TemplateConflict)

MOST = 1_000
"""Templates of one account."""
MOST_SAID = 50
"""Messages of one template."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message that a session begins with."""

    role: MessageRole
    text: str


@dataclass(frozen=True, slots=True)
class Outline:
    """What a template is made of. In an edit, what is None stays as it is, and a blank text takes the old one away."""

    name: str | None = None
    description: str | None = None
    title: str | None = None
    instructions: str | None = None
    messages: Sequence[Said] | None = None
    begins: bool | None = None
    metadata: object = None

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
                values[field] = validation.note(field, texts.composed(text) if field == "title" else text, most)
        if self.messages is not None:
            if len(self.messages) > MOST_SAID:
                raise InvalidInput("messages", f"A template has at most {MOST_SAID} messages.")
            values["messages"] = [
                {"role": said.role.value, "text": validation.text("messages", said.text)} for said in self.messages
            ]
        if self.begins is not None:
            values["begins"] = self.begins
        if self.metadata is not None:
            values["meta"] = validation.metadata("metadata", self.metadata)
        return values


_TEXTS = {"description": validation.DESCRIPTION, "title": validation.NAME, "instructions": validation.INSTRUCTIONS}


async def of_ids(scope: Scope, template_ids: Sequence[UUID]) -> Sequence[Template | None]:
    """The templates in the order of their ids."""
    return await _TEMPLATES.of_ids(scope, template_ids)


async def everything(scope: Scope) -> Sequence[Template]:
    """All templates of the viewer by name."""
    async with scope.tx() as tx:
        return await templates.of_owner(tx, scope.viewer.id)


async def create(
    scope: Scope, outline: Outline, *, template_id: UUID | None = None, agent_id: UUID | None = None
) -> Template:
    """Makes a template. With a client-made id, doing it again returns what the first call made.

    Raises:
        InvalidInput: a value cannot be used.
        NotFound: there is no such agent.
        IdTaken: the id belongs to something else.
        QuotaExceeded: there are as many as there may be.
    """
    values = replace(outline, name=outline.name or "").values()
    template = Template(id=template_id or uuid7(), owner_id=scope.viewer.id, agent_id=agent_id, **values)
    _check(template.begins or False, template.instructions, template.messages or [])

    async def room(tx: AsyncSession, _: Template) -> None:
        await references.check(tx, agent=agent_id)
        await _check_lengths(tx, scope, template.messages or [])
        if (used := await owned.count(tx, Template, Template.owner_id == scope.viewer.id)) >= MOST:
            reason = f"You have {MOST:,} templates, which is all there may be. Delete one first."
            raise QuotaExceeded(reason, limit=MOST, used=used)

    return await _TEMPLATES.create(scope, template, repeatable=template_id is not None, check=room)


def _check(begins: bool, instructions: str | None, said: Sequence[Json]) -> None:
    if begins and not instructions and not said:
        raise InvalidInput("begins", "An agent that speaks first needs `instructions`, or `messages` to go on from.")


async def _check_lengths(tx: AsyncSession, scope: Scope, said: Sequence[Json]) -> None:
    allows = await effective.of(tx, scope)
    for each in said:
        sizes.within(allows, text=each["text"], field="messages")


@dataclass(frozen=True, slots=True)
class Answering:
    """The agent that is to answer; None: the server's own."""

    id: UUID | None


async def edit(
    scope: Scope,
    template_id: UUID,
    outline: Outline,
    *,
    agent: Answering | None = None,
    expected_version: int | None = None,
) -> Template:
    """Sets the fields that are given. Sessions that have begun with it stay as they are.

    Raises:
        NotFound: there is no such template, or agent.
        InvalidInput: a value cannot be used.
        TemplateConflict: the template has another version than the expected one.
    """
    values = outline.values() | ({} if agent is None else {"agent_id": agent.id})

    async def whole(tx: AsyncSession, found: Template) -> None:
        await references.check(tx, agent=values.get("agent_id"))
        await _check_lengths(tx, scope, values.get("messages", []))
        now = {name: getattr(found, name) for name in ("begins", "instructions", "messages")} | values
        _check(now["begins"], now["instructions"], now["messages"])

    return await _TEMPLATES.edit(scope, template_id, values, expected_version, check=whole)


async def delete(scope: Scope, template_id: UUID) -> Template:
    """Deletes a template. Sessions that have begun with it stay as they are.

    Raises:
        NotFound: there is no such template.
    """
    return await _TEMPLATES.delete(scope, template_id)


async def get(tx: AsyncSession, template_id: UUID) -> Template:
    """A template of the viewer.

    Raises:
        NotFound: there is no such template.
    """
    return await _TEMPLATES.existing(tx, template_id)
