"""Refusals of an edit that was made on an old version: each shows how the thing is now."""

from typing import cast

import strawberry
from strawberry.schema.exception_handlers import get_exception_types

from chat import refusals
from schema import refusal
from schema.agent import Agent
from schema.folder import Folder
from schema.message import Message
from schema.project import Project
from schema.refusal import UserError
from schema.session import Session
from schema.template import Template


@strawberry.type(description="Someone else has edited it since. This is how it is now.")
class ProjectConflict(UserError):
    """The project has another version than the one that was expected."""

    project: Project = strawberry.field(description="The project as it is now.")


@strawberry.type(description="Someone else has edited it since. This is how it is now.")
class AgentConflict(UserError):
    """The agent has another version than the one that was expected."""

    agent: Agent = strawberry.field(description="The agent as it is now.")


@strawberry.type(description="Someone else has edited it since. This is how it is now.")
class TemplateConflict(UserError):
    """The template has another version than the one that was expected."""

    template: Template = strawberry.field(description="The template as it is now.")


@strawberry.type(description="Someone else has edited it since. This is how it is now.")
class FolderConflict(UserError):
    """The folder has another version than the one that was expected."""

    folder: Folder = strawberry.field(description="The folder as it is now.")


@strawberry.type(description="Someone else has edited it since. This is how it is now.")
class SessionConflict(UserError):
    """The session has another version than the one that was expected."""

    session: Session = strawberry.field(description="The session as it is now.")


@strawberry.type(description="Someone else has revised it since. This is how it is now.")
class MessageConflict(UserError):
    """The message has another version than the one that was expected. It is under `current`: see `UserError`."""

    current: Message = strawberry.field(description="The message as it is now.")


class _ProjectConflict(strawberry.ExceptionHandler[refusals.ProjectConflict, ProjectConflict]):
    def handle(self, exception: refusals.ProjectConflict, **_: object) -> ProjectConflict:
        return ProjectConflict(reason=exception.reason, project=Project.of(exception.row))


class _AgentConflict(strawberry.ExceptionHandler[refusals.AgentConflict, AgentConflict]):
    def handle(self, exception: refusals.AgentConflict, **_: object) -> AgentConflict:
        return AgentConflict(reason=exception.reason, agent=Agent.of(exception.row))


class _TemplateConflict(strawberry.ExceptionHandler[refusals.TemplateConflict, TemplateConflict]):
    def handle(self, exception: refusals.TemplateConflict, **_: object) -> TemplateConflict:
        return TemplateConflict(reason=exception.reason, template=Template.of(exception.row))


class _FolderConflict(strawberry.ExceptionHandler[refusals.FolderConflict, FolderConflict]):
    def handle(self, exception: refusals.FolderConflict, **_: object) -> FolderConflict:
        return FolderConflict(reason=exception.reason, folder=Folder.of(exception.row))


class _SessionConflict(strawberry.ExceptionHandler[refusals.SessionConflict, SessionConflict]):
    def handle(self, exception: refusals.SessionConflict, **_: object) -> SessionConflict:
        return SessionConflict(reason=exception.reason, session=Session.of((exception.row, exception.membership)))


class _MessageConflict(strawberry.ExceptionHandler[refusals.MessageConflict, MessageConflict]):
    def handle(self, exception: refusals.MessageConflict, **_: object) -> MessageConflict:
        return MessageConflict(reason=exception.reason, current=Message.of(exception.row))


HANDLERS = (
    _ProjectConflict(),
    _AgentConflict(),
    _TemplateConflict(),
    _FolderConflict(),
    _SessionConflict(),
    _MessageConflict(),
    *refusal.HANDLERS,
)
"""Turn what rules raise into members of the result unions. What a field's union lacks stays an error."""


def shown(refused: refusals.Refusal) -> UserError:
    """A refusal as clients see it."""
    for handler in HANDLERS:
        if isinstance(refused, get_exception_types(handler)):
            return cast("UserError", handler.handle(refused))  # type: ignore[arg-type]
    raise refused
