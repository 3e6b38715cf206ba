"""Templates: list and change."""

from typing import Annotated

import strawberry

from chat.library import templates
from chat.library.templates import Answering, Outline, Said
from schema import identifier
from schema.context import Info
from schema.given import given
from schema.input import CreateTemplateInput, EditTemplateInput
from schema.payload import DeleteTemplatePayload, TemplatePayload
from schema.repeat import Key, once
from schema.result import CreateTemplateResult, DeleteTemplateResult, EditTemplateResult
from schema.template import Template

TemplateId = Annotated[strawberry.ID, strawberry.argument(description="The template's id.")]


async def template(info: Info, id: TemplateId) -> Template | None:
    """One template."""
    row = await info.context.templates.load(identifier.parse("id", id))
    return None if row is None else Template.of(row)


async def everything(info: Info) -> list[Template]:
    """All templates of the viewer."""
    return [Template.of(row) for row in await templates.everything(info.context.scope)]


async def create(
    info: Info,
    input: Annotated[CreateTemplateInput, strawberry.argument(description="The template.")],
    client_mutation_id: Key = None,
) -> CreateTemplateResult:
    """Makes a template."""
    row = await templates.create(
        once(info, "createTemplate", client_mutation_id, input),
        _outline(input),
        template_id=identifier.optional("id", input.id),
        agent_id=identifier.optional("agentId", input.agent_id),
    )
    return TemplatePayload(template=Template.of(row))


async def edit(
    info: Info,
    input: Annotated[EditTemplateInput, strawberry.argument(description="What to change.")],
    client_mutation_id: Key = None,
) -> EditTemplateResult:
    """Changes a template."""
    agent = None if input.agent_id is None else Answering(identifier.optional("agentId", input.agent_id.value))
    row = await templates.edit(
        once(info, "editTemplate", client_mutation_id, input),
        identifier.parse("id", input.id),
        _outline(input),
        agent=agent,
        expected_version=input.expected_version,
    )
    return TemplatePayload(template=Template.of(row))


def _outline(input: CreateTemplateInput | EditTemplateInput) -> Outline:
    said = given(input.messages, [])
    return Outline(
        name=input.name,
        description=given(input.description, ""),
        title=given(input.title, ""),
        instructions=given(input.instructions, ""),
        messages=None if said is None else [Said(each.role, each.text) for each in said],
        begins=input.begins,
        metadata=given(input.metadata, {}),
    )


async def delete(info: Info, id: TemplateId, client_mutation_id: Key = None) -> DeleteTemplateResult:
    """Deletes a template."""
    row = await templates.delete(once(info, "deleteTemplate", client_mutation_id, id), identifier.parse("id", id))
    return DeleteTemplatePayload(id=identifier.of(row.id))
