"""What mutations return: a payload, or a refusal."""

from typing import Annotated, cast

import strawberry
from strawberry.schema.exception_handlers import get_exception_types

from chat import refusals
from schema import refusal
from schema.agent import Agent
from schema.folder import Folder
from schema.message import Message
from schema.project import Project
from schema.refusal import (
    Busy,
    IdTaken,
    InvalidInput,
    ModelFailed,
    NotAllowed,
    NotFound,
    QuotaExceeded,
    RunClosed,
    UserError,
)
from schema.run import Run
from schema.session import Session
from schema.template import Template


@strawberry.type(description="The project as it is now.")
class ProjectPayload:
    """Of `createProject` and `editProject`."""

    project: Project = strawberry.field(description="The project.")


@strawberry.type(description="The project is gone. Its sessions stay, in no project.")
class DeleteProjectPayload:
    """Of `deleteProject`."""

    id: strawberry.ID = strawberry.field(description="The project that was deleted.")


@strawberry.type(description="The agent as it is now.")
class AgentPayload:
    """Of `createAgent` and `editAgent`."""

    agent: Agent = strawberry.field(description="The agent.")


@strawberry.type(description="The agent is gone. Its sessions stay; the server's own answers in them.")
class DeleteAgentPayload:
    """Of `deleteAgent`."""

    id: strawberry.ID = strawberry.field(description="The agent that was deleted.")


@strawberry.type(description="The folder as it is now.")
class FolderPayload:
    """Of `createFolder`, `editFolder` and `moveFolder`."""

    folder: Folder = strawberry.field(description="The folder.")


@strawberry.type(description="The template as it is now.")
class TemplatePayload:
    """Of `createTemplate` and `editTemplate`."""

    template: Template = strawberry.field(description="The template.")


@strawberry.type(description="The template is gone. Sessions that began with it stay as they are.")
class DeleteTemplatePayload:
    """Of `deleteTemplate`."""

    id: strawberry.ID = strawberry.field(description="The template that was deleted.")


@strawberry.type(description="The folder is gone. What was in it is where the folder was.")
class DeleteFolderPayload:
    """Of `deleteFolder`."""

    id: strawberry.ID = strawberry.field(description="The folder that was deleted.")


@strawberry.type(description="The session as it is now.")
class SessionPayload:
    """Of `createSession` and `editSession`."""

    session: Session = strawberry.field(description="The session.")


@strawberry.type(description="The session is gone, for all its members.")
class DeleteSessionPayload:
    """Of `deleteSession`."""

    id: strawberry.ID = strawberry.field(description="The session that was deleted.")


@strawberry.type(description="The session's windows that want to know were told.")
class SetTypingPayload:
    """Of `setTyping`."""

    typing: bool = strawberry.field(description="What they were told.")


@strawberry.type(description="The message is stored, and a reply is on its way if you asked for one.")
class SendMessagePayload:
    """Of `sendMessage`."""

    session: Session = strawberry.field(description="The session, the one that was made if it is new.")
    message: Message = strawberry.field(description="Your message.")
    reply: Message | None = strawberry.field(
        description="The reply, empty until the model begins; null if you asked for none."
    )
    run: Run | None = strawberry.field(
        description="The attempt at the reply, whose id is what `cancelRun` takes; null if you asked for none."
    )


@strawberry.type(description="The message as it is now.")
class MessagePayload:
    """Of `reviseMessage`."""

    message: Message = strawberry.field(description="The message.")


@strawberry.type(description="The run has ended, or is about to.")
class CancelRunPayload:
    """Of `cancelRun`."""

    run: Run = strawberry.field(description="The run as it is now.")


@strawberry.type(description="Someone else has edited it since. This is how it is now.")
class ProjectConflict(UserError):
    """The project has another version than the one that was expected."""

    project: Project = strawberry.field(description="The project as it is now.")


@strawberry.type(description="Someone else has edited it since. This is how it is now.")
class SessionConflict(UserError):
    """The session has another version than the one that was expected."""

    session: Session = strawberry.field(description="The session as it is now.")


@strawberry.type(description="Someone else has edited it since. This is how it is now.")
class AgentConflict(UserError):
    """The agent has another version than the one that was expected."""

    agent: Agent = strawberry.field(description="The agent as it is now.")


@strawberry.type(description="Someone else has edited it since. This is how it is now.")
class FolderConflict(UserError):
    """The folder has another version than the one that was expected."""

    folder: Folder = strawberry.field(description="The folder as it is now.")


@strawberry.type(description="Someone else has revised it since. This is how it is now.")
class MessageConflict(UserError):
    """The message has another version than the one that was expected. It is under `current`: see `UserError`."""

    current: Message = strawberry.field(description="The message as it is now.")


class _AgentConflict(strawberry.ExceptionHandler[refusals.AgentConflict, AgentConflict]):
    def handle(self, exception: refusals.AgentConflict, **_: object) -> AgentConflict:
        return AgentConflict(reason=exception.reason, agent=Agent.of(exception.row))


@strawberry.type(description="Someone else has edited it since. This is how it is now.")
class TemplateConflict(UserError):
    """The template has another version than the one that was expected."""

    template: Template = strawberry.field(description="The template as it is now.")


class _TemplateConflict(strawberry.ExceptionHandler[refusals.TemplateConflict, TemplateConflict]):
    def handle(self, exception: refusals.TemplateConflict, **_: object) -> TemplateConflict:
        return TemplateConflict(reason=exception.reason, template=Template.of(exception.row))


class _FolderConflict(strawberry.ExceptionHandler[refusals.FolderConflict, FolderConflict]):
    def handle(self, exception: refusals.FolderConflict, **_: object) -> FolderConflict:
        return FolderConflict(reason=exception.reason, folder=Folder.of(exception.row))


class _ProjectConflict(strawberry.ExceptionHandler[refusals.ProjectConflict, ProjectConflict]):
    def handle(self, exception: refusals.ProjectConflict, **_: object) -> ProjectConflict:
        return ProjectConflict(reason=exception.reason, project=Project.of(exception.row))


class _MessageConflict(strawberry.ExceptionHandler[refusals.MessageConflict, MessageConflict]):
    def handle(self, exception: refusals.MessageConflict, **_: object) -> MessageConflict:
        return MessageConflict(reason=exception.reason, current=Message.of(exception.row))


class _SessionConflict(strawberry.ExceptionHandler[refusals.SessionConflict, SessionConflict]):
    def handle(self, exception: refusals.SessionConflict, **_: object) -> SessionConflict:
        return SessionConflict(reason=exception.reason, session=Session.of((exception.row, exception.membership)))


HANDLERS = (
    _AgentConflict(),
    _FolderConflict(),
    _TemplateConflict(),
    _MessageConflict(),
    _ProjectConflict(),
    _SessionConflict(),
    *refusal.HANDLERS,
)
"""Turn what rules raise into members of the result unions. What a field's union lacks stays an error."""


def shown(refused: refusals.Refusal) -> UserError:
    """A refusal as clients see it."""
    for handler in HANDLERS:
        if isinstance(refused, get_exception_types(handler)):
            return cast("UserError", handler.handle(refused))  # type: ignore[arg-type]
    raise refused


@strawberry.type(description="Another attempt at a reply is on its way.")
class AskAgainPayload:
    """Of `retryRun`, `replyToMessage` and `continueRun`."""

    session: Session = strawberry.field(description="The session.")
    reply: Message = strawberry.field(description="The reply: a new one, or the one that goes on.")
    run: Run = strawberry.field(description="The new run.")


@strawberry.type(description="The message has the new text, and still waits for its answer.")
class EditQueuedRunPayload:
    """Of `editQueuedRun`."""

    message: Message = strawberry.field(description="The message that will be answered.")
    run: Run = strawberry.field(description="The run.")


@strawberry.type(description="The queue has the new order.")
class MoveQueuedRunPayload:
    """Of `moveQueuedRun`."""

    queue: list[Run] = strawberry.field(description="The queued runs of the session, the next one first.")


@strawberry.type(description="The run goes on with the answer.")
class AnswerRunPayload:
    """Of `answerRun`."""

    run: Run = strawberry.field(description="The run.")


@strawberry.type(description="What was sent under this key is answered no more.")
class CancelSendPayload:
    """Of `cancelSend`."""

    run: Run | None = strawberry.field(
        description="The run that is stopped. Null if the message has not arrived yet; it is refused when it does."
    )


CreateProjectResult = Annotated[
    ProjectPayload | InvalidInput | IdTaken,
    strawberry.union("CreateProjectResult", description="The project, or why there is none."),
]
EditProjectResult = Annotated[
    ProjectPayload | NotFound | InvalidInput | ProjectConflict,
    strawberry.union("EditProjectResult", description="The project, or why it did not change."),
]
DeleteProjectResult = Annotated[
    DeleteProjectPayload | NotFound | InvalidInput,
    strawberry.union("DeleteProjectResult", description="The id, or why it was not deleted."),
]
CreateAgentResult = Annotated[
    AgentPayload | InvalidInput | IdTaken,
    strawberry.union("CreateAgentResult", description="The agent, or why there is none."),
]
EditAgentResult = Annotated[
    AgentPayload | NotFound | NotAllowed | InvalidInput | AgentConflict,
    strawberry.union("EditAgentResult", description="The agent, or why it did not change."),
]
DeleteAgentResult = Annotated[
    DeleteAgentPayload | NotFound | NotAllowed | InvalidInput,
    strawberry.union("DeleteAgentResult", description="The id, or why it was not deleted."),
]
CreateTemplateResult = Annotated[
    TemplatePayload | NotFound | InvalidInput | QuotaExceeded | IdTaken,
    strawberry.union("CreateTemplateResult", description="The template, or why there is none."),
]
EditTemplateResult = Annotated[
    TemplatePayload | NotFound | InvalidInput | TemplateConflict,
    strawberry.union("EditTemplateResult", description="The template, or why it did not change."),
]
DeleteTemplateResult = Annotated[
    DeleteTemplatePayload | NotFound | InvalidInput,
    strawberry.union("DeleteTemplateResult", description="The id, or why it was not deleted."),
]
CreateFolderResult = Annotated[
    FolderPayload | NotFound | InvalidInput | QuotaExceeded | IdTaken,
    strawberry.union("CreateFolderResult", description="The folder, or why there is none."),
]
EditFolderResult = Annotated[
    FolderPayload | NotFound | InvalidInput | FolderConflict,
    strawberry.union("EditFolderResult", description="The folder, or why it did not change."),
]
MoveFolderResult = Annotated[
    FolderPayload | NotFound | InvalidInput,
    strawberry.union("MoveFolderResult", description="The folder, or why it stays where it is."),
]
DeleteFolderResult = Annotated[
    DeleteFolderPayload | NotFound | InvalidInput,
    strawberry.union("DeleteFolderResult", description="The id, or why it was not deleted."),
]
CreateSessionResult = Annotated[
    SessionPayload | NotFound | InvalidInput | QuotaExceeded | IdTaken,
    strawberry.union("CreateSessionResult", description="The session, or why there is none."),
]
EditSessionResult = Annotated[
    SessionPayload | NotFound | NotAllowed | InvalidInput | QuotaExceeded | SessionConflict,
    strawberry.union("EditSessionResult", description="The session, or why it did not change."),
]
MarkSessionResult = Annotated[
    SessionPayload | NotFound | InvalidInput,
    strawberry.union("MarkSessionResult", description="The session, or why nothing was noted."),
]
DeleteSessionResult = Annotated[
    DeleteSessionPayload | NotFound | NotAllowed | InvalidInput,
    strawberry.union("DeleteSessionResult", description="The id, or why it was not deleted."),
]
SetTypingResult = Annotated[
    SetTypingPayload | NotFound | NotAllowed | InvalidInput,
    strawberry.union("SetTypingResult", description="What was told, or why nothing was."),
]
SendMessageResult = Annotated[
    SendMessagePayload | NotFound | NotAllowed | InvalidInput | QuotaExceeded | IdTaken | Busy,
    strawberry.union("SendMessageResult", description="The exchange, or why nothing was sent."),
]
EditMessageResult = Annotated[
    SendMessagePayload | NotFound | NotAllowed | InvalidInput | QuotaExceeded | IdTaken | Busy,
    strawberry.union("EditMessageResult", description="The new message, or why there is none."),
]
MarkMessageResult = Annotated[
    MessagePayload | NotFound | NotAllowed | InvalidInput,
    strawberry.union("MarkMessageResult", description="The message, or why it did not change."),
]
AnnotateResult = Annotated[
    MessagePayload | NotFound | NotAllowed | InvalidInput | IdTaken,
    strawberry.union("AnnotateResult", description="The message, or why it did not change."),
]
SetSessionStateResult = Annotated[
    SessionPayload | NotFound | NotAllowed | InvalidInput,
    strawberry.union("SetSessionStateResult", description="The session, or why its state did not change."),
]
SummarizeSessionResult = Annotated[
    SessionPayload | NotFound | NotAllowed | InvalidInput | QuotaExceeded | ModelFailed,
    strawberry.union("SummarizeSessionResult", description="The session with its summary, or why there is none."),
]
ReviseMessageResult = Annotated[
    MessagePayload | NotFound | NotAllowed | InvalidInput | MessageConflict,
    strawberry.union("ReviseMessageResult", description="The message, or why it did not change."),
]
ChooseBranchResult = Annotated[
    SessionPayload | NotFound | InvalidInput,
    strawberry.union("ChooseBranchResult", description="The session, or why you see what you saw."),
]
ForkSessionResult = Annotated[
    SessionPayload | NotFound | InvalidInput | QuotaExceeded | IdTaken,
    strawberry.union("ForkSessionResult", description="The new session, or why there is none."),
]
EditQueuedRunResult = Annotated[
    EditQueuedRunPayload | NotFound | NotAllowed | InvalidInput,
    strawberry.union("EditQueuedRunResult", description="The message, or why it did not change."),
]
MoveQueuedRunResult = Annotated[
    MoveQueuedRunPayload | NotFound | NotAllowed | InvalidInput,
    strawberry.union("MoveQueuedRunResult", description="The queue, or why it did not change."),
]
RetryRunResult = Annotated[
    AskAgainPayload | NotFound | NotAllowed | InvalidInput | QuotaExceeded | Busy,
    strawberry.union("RetryRunResult", description="The new attempt, or why there is none."),
]
ReplyToMessageResult = Annotated[
    AskAgainPayload | NotFound | NotAllowed | InvalidInput | QuotaExceeded | Busy,
    strawberry.union("ReplyToMessageResult", description="The reply that is on its way, or why there is none."),
]
ContinueRunResult = Annotated[
    AskAgainPayload | NotFound | NotAllowed | InvalidInput | QuotaExceeded,
    strawberry.union("ContinueRunResult", description="The new attempt, or why there is none."),
]
AnswerRunResult = Annotated[
    AnswerRunPayload | NotFound | NotAllowed | InvalidInput | RunClosed,
    strawberry.union("AnswerRunResult", description="The run, or why the answer does not count."),
]
CancelSendResult = Annotated[
    CancelSendPayload | InvalidInput,
    strawberry.union("CancelSendResult", description="The run, or why nothing was cancelled."),
]
CancelRunResult = Annotated[
    CancelRunPayload | NotFound | NotAllowed | InvalidInput,
    strawberry.union("CancelRunResult", description="The run, or why it goes on."),
]
