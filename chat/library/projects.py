"""Projects: what sessions are grouped by. Each is its owner's alone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from chat import validation
from chat.library.resources import Kind
from chat.refusals import InvalidInput, ProjectConflict
from chat.scope import Scope
from db import owned
from db.models import Json, Project, StageStatus
from db.page import Page, Span

MOST_STAGES = 50
"""Stages of one project."""

_PROJECTS = Kind("project", Project, ProjectConflict)

type Stage = tuple[str, StageStatus]
"""What it is called, and how far it is."""


def _stored(stages: Sequence[Stage]) -> list[Json]:
    if len(stages) > MOST_STAGES:
        raise InvalidInput("stages", f"A project has at most {MOST_STAGES} stages. Make one of several.")
    return [{"name": validation.name("stages", name), "status": status.value} for name, status in stages]


async def of_ids(scope: Scope, project_ids: Sequence[UUID]) -> Sequence[Project | None]:
    """The projects in the order of their ids."""
    return await _PROJECTS.of_ids(scope, project_ids)


async def page(scope: Scope, span: Span[tuple[datetime, UUID]]) -> Page[Project]:
    """The viewer's projects, newest first."""
    async with scope.tx() as tx:
        return await owned.page(tx, Project, Project.owner_id == scope.viewer.id, span)


async def count(scope: Scope) -> int:
    """How many projects the viewer has."""
    async with scope.tx() as tx:
        return await owned.count(tx, Project, Project.owner_id == scope.viewer.id)


async def create(
    scope: Scope,
    name: str,
    *,
    project_id: UUID | None = None,
    metadata: object = None,
    stages: Sequence[Stage] = (),
) -> Project:
    """Makes a project. With a client-made id, doing it again returns what the first call made.

    Raises:
        InvalidInput: the name, the metadata or a stage cannot be used.
        IdTaken: the id belongs to something else.
    """
    project = Project(
        id=project_id or uuid7(),
        owner_id=scope.viewer.id,
        name=validation.name("name", name),
        meta=validation.metadata("metadata", metadata),
        stages=_stored(stages),
    )
    return await _PROJECTS.create(scope, project, repeatable=project_id is not None)


async def edit(
    scope: Scope,
    project_id: UUID,
    *,
    name: str | None = None,
    metadata: object = None,
    stages: Sequence[Stage] | None = None,
    expected_version: int | None = None,
) -> Project:
    """Sets the fields that are given.

    Raises:
        NotFound: there is no such project.
        InvalidInput: a value cannot be used.
        ProjectConflict: the project has another version than the expected one.
    """
    values: dict[str, Any] = {}
    if name is not None:
        values["name"] = validation.name("name", name)
    if metadata is not None:
        values["meta"] = validation.metadata("metadata", metadata)
    if stages is not None:
        values["stages"] = _stored(stages)
    return await _PROJECTS.edit(scope, project_id, values, expected_version)


async def delete(scope: Scope, project_id: UUID) -> Project:
    """Deletes a project. Its sessions stay; they are in no project then.

    Raises:
        NotFound: there is no such project.
    """
    return await _PROJECTS.delete(scope, project_id)
