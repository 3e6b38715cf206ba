"""Projects: list and change."""

from typing import Annotated

import strawberry

from chat.library import projects
from chat.library.projects import Stage
from schema import connection, identifier
from schema.connection import After, Before, First, Last
from schema.context import Info
from schema.given import given
from schema.input import CreateProjectInput, EditProjectInput
from schema.payload import DeleteProjectPayload, ProjectPayload
from schema.project import Project, ProjectConnection, StageInput
from schema.repeat import Key, once
from schema.result import CreateProjectResult, DeleteProjectResult, EditProjectResult

PAGE = 50

ProjectId = Annotated[strawberry.ID, strawberry.argument(description="The project's id.")]


async def project(info: Info, id: ProjectId) -> Project | None:
    """One project."""
    row = await info.context.projects.load(identifier.parse("id", id))
    return None if row is None else Project.of(row)


async def page(
    info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
) -> ProjectConnection:
    """The viewer's projects."""
    scope = info.context.scope
    span = connection.span(connection.dated("project"), first, after, last, before, default=PAGE)
    return ProjectConnection.of(
        await projects.page(scope, span),
        Project.of,
        lambda row: connection.encode("project", row.created_at, row.id),
        lambda: projects.count(scope),
    )


async def create(
    info: Info,
    input: Annotated[CreateProjectInput, strawberry.argument(description="The project.")],
    client_mutation_id: Key = None,
) -> CreateProjectResult:
    """Makes a project."""
    row = await projects.create(
        once(info, "createProject", client_mutation_id, input),
        input.name,
        project_id=identifier.optional("id", input.id),
        metadata=input.metadata,
        stages=_stages(input.stages) or (),
    )
    return ProjectPayload(project=Project.of(row))


async def edit(
    info: Info,
    input: Annotated[EditProjectInput, strawberry.argument(description="What to change.")],
    client_mutation_id: Key = None,
) -> EditProjectResult:
    """Changes a project."""
    row = await projects.edit(
        once(info, "editProject", client_mutation_id, input),
        identifier.parse("id", input.id),
        name=input.name,
        metadata=given(input.metadata, {}),
        stages=_stages(given(input.stages, list[StageInput]())),
        expected_version=input.expected_version,
    )
    return ProjectPayload(project=Project.of(row))


def _stages(stages: list[StageInput] | None) -> list[Stage] | None:
    return None if stages is None else [(stage.name, stage.status) for stage in stages]


async def delete(info: Info, id: ProjectId, client_mutation_id: Key = None) -> DeleteProjectResult:
    """Deletes a project."""
    row = await projects.delete(once(info, "deleteProject", client_mutation_id, id), identifier.parse("id", id))
    return DeleteProjectPayload(id=identifier.of(row.id))
