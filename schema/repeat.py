"""Mutations that arrive more than once: how a key gets into a scope, and what a repetition is answered."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Annotated, Any
from uuid import UUID

import orjson
import strawberry
from strawberry import UNSET

from chat.refusals import InvalidInput
from chat.runs import queues
from chat.scope import Once, Repeated, Scope
from schema import refusal
from schema.agent import Agent
from schema.context import Context, Info
from schema.folder import Folder
from schema.message import Message
from schema.payload import (
    AgentPayload,
    AnswerRunPayload,
    AskAgainPayload,
    CancelRunPayload,
    DeleteAgentPayload,
    DeleteFolderPayload,
    DeleteProjectPayload,
    DeleteSessionPayload,
    DeleteTemplatePayload,
    EditQueuedRunPayload,
    FolderPayload,
    MessagePayload,
    MoveQueuedRunPayload,
    ProjectPayload,
    SendMessagePayload,
    SessionPayload,
    TemplatePayload,
)
from schema.production import AwaitInputPayload, HeldRunPayload
from schema.project import Project
from schema.removal import ClearSessionPayload, DeleteMessagesPayload, PurgeSessionPayload, RestoreMessagesPayload
from schema.run import Run
from schema.session import Session
from schema.template import Template

LONGEST_KEY = 255

Key = Annotated[
    str | None,
    strawberry.argument(
        description="A key of your own making, such as a UUID. The same mutation with the same key happens once and is "
        "answered again, for 30 days; so after a lost connection, just send it again."
    ),
]


def once(info: Info, mutation: str, key: str | None, *arguments: object) -> Scope:
    """The scope in which a mutation happens once for this key, by itself or in a batch.

    Raises:
        InvalidInput: the key is blank or too long.
    """
    scope = info.context.scope
    if key is None:
        return scope
    check(key)
    asked = orjson.dumps([mutation, *map(plain, arguments)], option=orjson.OPT_SORT_KEYS, default=str)
    return replace(scope, once=Once(key, hashlib.sha256(asked).digest()))


def check(key: str) -> str:
    """The key, if it can be one.

    Raises:
        InvalidInput: it is blank or too long.
    """
    if not key.strip() or len(key) > LONGEST_KEY or "\0" in key:
        raise InvalidInput("clientMutationId", f"A key has between 1 and {LONGEST_KEY} characters, and no U+0000.")
    return key


def plain(value: Any) -> Any:
    """An input as plain data, without what was left out."""
    if isinstance(value, strawberry.Some):
        return [plain(value.value)]
    if is_dataclass(value) and not isinstance(value, type):
        given = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: plain(each) for name, each in given.items() if each is not None and each is not UNSET}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


async def _project(context: Context, made: Mapping[str, str]) -> ProjectPayload | None:
    row = await context.projects.load(UUID(made["project"]))
    return None if row is None else ProjectPayload(project=Project.of(row))


async def _deleted_project(_: Context, made: Mapping[str, str]) -> DeleteProjectPayload:
    return DeleteProjectPayload(id=strawberry.ID(made["project"]))


async def _agent(context: Context, made: Mapping[str, str]) -> AgentPayload | None:
    row = await context.agents.load(UUID(made["agent"]))
    return None if row is None else AgentPayload(agent=Agent.of(row))


async def _deleted_agent(_: Context, made: Mapping[str, str]) -> DeleteAgentPayload:
    return DeleteAgentPayload(id=strawberry.ID(made["agent"]))


async def _template(context: Context, made: Mapping[str, str]) -> TemplatePayload | None:
    row = await context.templates.load(UUID(made["template"]))
    return None if row is None else TemplatePayload(template=Template.of(row))


async def _deleted_template(_: Context, made: Mapping[str, str]) -> DeleteTemplatePayload:
    return DeleteTemplatePayload(id=strawberry.ID(made["template"]))


async def _folder(context: Context, made: Mapping[str, str]) -> FolderPayload | None:
    row = await context.folders.load(UUID(made["folder"]))
    return None if row is None else FolderPayload(folder=Folder.of(row))


async def _deleted_folder(_: Context, made: Mapping[str, str]) -> DeleteFolderPayload:
    return DeleteFolderPayload(id=strawberry.ID(made["folder"]))


async def _session(context: Context, made: Mapping[str, str]) -> SessionPayload | None:
    seen = await context.sessions.load(UUID(made["session"]))
    return None if seen is None else SessionPayload(session=Session.of(seen))


async def _deleted_session(_: Context, made: Mapping[str, str]) -> DeleteSessionPayload:
    return DeleteSessionPayload(id=strawberry.ID(made["session"]))


async def _purged_session(_: Context, made: Mapping[str, str]) -> PurgeSessionPayload:
    return PurgeSessionPayload(id=strawberry.ID(made["session"]))


type _Removal = DeleteMessagesPayload | RestoreMessagesPayload | ClearSessionPayload


def _counted(payload: type[_Removal]) -> Callable[[Context, Mapping[str, str]], Awaitable[_Removal | None]]:
    async def answered(context: Context, made: Mapping[str, str]) -> _Removal | None:
        seen = await context.sessions.load(UUID(made["session"]))
        return None if seen is None else payload(session=Session.of(seen), count=int(made["count"]))

    return answered


async def _exchange(context: Context, made: Mapping[str, str]) -> SendMessagePayload | None:
    message = await context.messages.load(UUID(made["message"]))
    seen = None if message is None else await context.sessions.load(message.session_id)
    if message is None or seen is None:
        return None
    run = await context.runs.load(UUID(made["run"])) if "run" in made else None
    reply = None if run is None else await context.messages.load(run.message_id)
    return SendMessagePayload(
        session=Session.of(seen),
        message=Message.of(message),
        reply=None if reply is None else Message.of(reply),
        run=None if run is None else Run.of(run),
    )


async def _message(context: Context, made: Mapping[str, str]) -> MessagePayload | None:
    row = await context.messages.load(UUID(made["message"]))
    return None if row is None else MessagePayload(message=Message.of(row))


async def _cancelled(context: Context, made: Mapping[str, str]) -> CancelRunPayload | None:
    run = await context.runs.load(UUID(made["run"]))
    return None if run is None else CancelRunPayload(run=Run.of(run))


async def _held(context: Context, made: Mapping[str, str]) -> HeldRunPayload | None:
    run = await context.runs.load(UUID(made["run"]))
    message = None if run is None else await context.messages.load(run.message_id)
    return None if run is None or message is None else HeldRunPayload(run=Run.of(run), message=Message.of(message))


async def _asked_again(context: Context, made: Mapping[str, str]) -> AskAgainPayload | None:
    held = await _held(context, made)
    seen = None if held is None else await context.sessions.load(UUID(held.run.session_id))
    if held is None or seen is None:
        return None
    return AskAgainPayload(session=Session.of(seen), reply=held.message, run=held.run)


async def _answered(context: Context, made: Mapping[str, str]) -> AnswerRunPayload | None:
    run = await context.runs.load(UUID(made["run"]))
    return None if run is None else AnswerRunPayload(run=Run.of(run))


async def _edited(context: Context, made: Mapping[str, str]) -> EditQueuedRunPayload | None:
    held = await _held(context, made)
    parent = None if held is None or held.message.parent_id is None else UUID(held.message.parent_id)
    message = None if parent is None else await context.messages.load(parent)
    if held is None or message is None:
        return None
    return EditQueuedRunPayload(message=Message.of(message), run=held.run)


async def _moved(context: Context, made: Mapping[str, str]) -> MoveQueuedRunPayload | None:
    run = await context.runs.load(UUID(made["run"]))
    if run is None:
        return None
    return MoveQueuedRunPayload(queue=[Run.of(row) for row in await queues.of(context.scope, run.session_id)])


async def _awaiting(context: Context, made: Mapping[str, str]) -> AwaitInputPayload | None:
    run = await context.runs.load(UUID(made["run"]))
    return None if run is None else AwaitInputPayload(run=Run.of(run))


_ANSWERS: dict[type, Any] = {
    ProjectPayload: _project,
    DeleteProjectPayload: _deleted_project,
    AgentPayload: _agent,
    DeleteAgentPayload: _deleted_agent,
    TemplatePayload: _template,
    DeleteTemplatePayload: _deleted_template,
    FolderPayload: _folder,
    DeleteFolderPayload: _deleted_folder,
    SessionPayload: _session,
    DeleteSessionPayload: _deleted_session,
    PurgeSessionPayload: _purged_session,
    DeleteMessagesPayload: _counted(DeleteMessagesPayload),
    RestoreMessagesPayload: _counted(RestoreMessagesPayload),
    ClearSessionPayload: _counted(ClearSessionPayload),
    SendMessagePayload: _exchange,
    MessagePayload: _message,
    CancelRunPayload: _cancelled,
    HeldRunPayload: _held,
    AskAgainPayload: _asked_again,
    EditQueuedRunPayload: _edited,
    MoveQueuedRunPayload: _moved,
    AnswerRunPayload: _answered,
    AwaitInputPayload: _awaiting,
}


async def answer(context: Context, payload: type, made: Mapping[str, str]) -> object:
    """The payload of a mutation that has happened before, with everything as it is now."""
    again = await _ANSWERS[payload](context, made)
    if again is None:
        return refusal.InvalidInput(
            reason="This was done, and what it made has been deleted since.", field="clientMutationId"
        )
    return again


class _Again(strawberry.ExceptionHandler[Repeated, Any]):
    """Answers a repetition with what the mutation made, as it is now."""

    def __init__(self, payload: type) -> None:
        self.error_type = payload

    async def handle(self, exception: Repeated, *, info: Info, **_: object) -> object:
        return await answer(info.context, self.error_type, exception.made)


HANDLERS = tuple(_Again(payload) for payload in _ANSWERS)
"""One for each payload; a field gets the one of its own result union."""
