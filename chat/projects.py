"""Projects: what sessions are grouped by. Each is its owner's alone."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from chat import doorbells, limits
from chat.cursors import ScopeKind
from chat.refusals import IdTaken, InvalidInput, NotFound, ProjectConflict
from chat.scope import Scope, made
from db import projects, users
from db.failures import duplicate
from db.models import Json, Project, StageStatus
from db.page import Page, Span

MOST_STAGES = 50
"""Stages of one project."""

type Stage = tuple[str, StageStatus]
"""What it is called, and how far it is."""


def _stored(stages: Sequence[Stage]) -> list[Json]:
    if len(stages) > MOST_STAGES:
        raise InvalidInput("stages", f"A project has at most {MOST_STAGES} stages.")
    return [{"name": limits.name("stages", name), "status": status.value} for name, status in stages]


async def of_ids(scope: Scope, project_ids: Sequence[UUID]) -> Sequence[Project | None]:
    """The projects in the order of their ids."""
    async with scope.tx() as tx:
        found = await projects.of_ids(tx, project_ids)
    return [found.get(project_id) for project_id in project_ids]


async def page(scope: Scope, span: Span[tuple[UUID]]) -> Page[Project]:
    """The viewer's projects, newest first."""
    async with scope.tx() as tx:
        return await projects.page(tx, scope.viewer.id, span)


async def count(scope: Scope) -> int:
    """How many projects the viewer has."""
    async with scope.tx() as tx:
        return await projects.count(tx, scope.viewer.id)


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
        name=limits.name("name", name),
        meta=limits.metadata("metadata", metadata),
        stages=_stored(stages),
    )
    try:
        async with scope.write() as tx:
            made(tx, project=project.id)
            if project_id is not None and (found := await projects.get(tx, project_id)) is not None:
                return _alive(found)
            project.seq = await users.advance(tx, scope.viewer.id)
            await projects.add(tx, project)
    except IntegrityError as error:
        if not duplicate(error):
            raise
        async with scope.tx() as tx:
            found = await projects.get(tx, project.id)
        if found is None:
            raise IdTaken("id") from error
        return _alive(found)
    _ring(scope, project)
    return project


def _alive(project: Project) -> Project:
    if project.deleted_at is not None:
        raise IdTaken("id")
    return project


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
    values: dict[str, Any] = {"version": Project.version + 1}
    if name is not None:
        values["name"] = limits.name("name", name)
    if metadata is not None:
        values["meta"] = limits.metadata("metadata", metadata)
    if stages is not None:
        values["stages"] = _stored(stages)
    return await _change(scope, project_id, values, expected_version)


async def delete(scope: Scope, project_id: UUID) -> Project:
    """Deletes a project. Its sessions stay; they are in no project then.

    Raises:
        NotFound: there is no such project.
    """
    return await _change(scope, project_id, {"deleted_at": func.now()})


async def _change(
    scope: Scope, project_id: UUID, values: dict[str, Any], expected_version: int | None = None
) -> Project:
    async with scope.write() as tx:
        made(tx, project=project_id)
        seq = await users.advance(tx, scope.viewer.id)  # and so this account's other edits wait
        found = await projects.get(tx, project_id)
        if found is None or found.deleted_at is not None:
            raise NotFound("project")
        if expected_version not in (None, found.version):
            tx.expunge_all()  # the refusal outlives the transaction
            raise ProjectConflict(found)
        project = await projects.change(tx, project_id, seq, values)
        assert project is not None
    _ring(scope, project)
    return project


def _ring(scope: Scope, project: Project) -> None:
    doorbells.ring(scope.process.bus, ScopeKind.ACCOUNT, project.owner_id, project.seq)
