"""What sessions are grouped by."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from db import models
from schema import choice, identifier
from schema.connection import Connection
from schema.context import Info
from schema.node import Node

if TYPE_CHECKING:
    from schema.session import Session

choice.describe(
    models.StageStatus,
    "How far a stage of a project is.",
    PENDING="It has not begun.",
    ACTIVE="It is under way.",
    COMPLETE="It is done.",
    BLOCKED="It cannot go on until something else happens.",
)


@strawberry.type(description="A step of a project, as dashboards show it.")
class Stage:
    """A stage of a project."""

    name: str = strawberry.field(description="What it is called; at most 255 characters.")
    status: models.StageStatus = strawberry.field(description="How far it is.")


@strawberry.input(description="A step of a project.")
class StageInput:
    """For `createProject` and `editProject`."""

    name: str = strawberry.field(description="What it is called; at most 255 characters.")
    status: models.StageStatus = strawberry.field(description="How far it is.")


async def _session_count(project: strawberry.Parent["Project"], info: Info) -> int:
    return (await info.context.project_tallies.load(UUID(project.id))).sessions


async def _unread_count(project: strawberry.Parent["Project"], info: Info) -> int:
    return (await info.context.project_tallies.load(UUID(project.id))).unread


async def _latest_session(
    project: strawberry.Parent["Project"], info: Info
) -> Annotated["Session", strawberry.lazy("schema.session")] | None:
    from schema.session import Session  # noqa: PLC0415  (a session has its project, and a project its latest session)

    seen = await info.context.latest_sessions.load(UUID(project.id))
    return None if seen is None else Session.of(seen)


@strawberry.type(description="A group of sessions. It is its owner's alone.")
class Project(Node):
    """A project as its owner sees it."""

    name: str = strawberry.field(description="What it is called; at most 255 characters.")
    metadata: JSON = strawberry.field(description="A JSON object for the app's own use.")
    stages: list[Stage] = strawberry.field(description="Its stages in order, as your app has set them.")
    session_count: int = strawberry.field(
        resolver=_session_count, description="How many sessions are in it that you have not archived."
    )
    unread_count: int = strawberry.field(resolver=_unread_count, description="How many of these are unread.")
    latest_session: Annotated["Session", strawberry.lazy("schema.session")] | None = strawberry.field(
        resolver=_latest_session, description="The one of these in which something was said last, if there is any."
    )
    version: int = strawberry.field(description="Rises with every edit; see `expectedVersion`.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    @classmethod
    def of(cls, row: models.Project) -> Self:
        """The row as clients see it."""
        return cls(
            id=identifier.of(row.id),
            name=row.name,
            metadata=JSON(row.meta),
            stages=[Stage(name=stage["name"], status=models.StageStatus(stage["status"])) for stage in row.stages],
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


@strawberry.type(description="A page of projects.")
class ProjectConnection(Connection[Project]):
    """The viewer's projects."""
