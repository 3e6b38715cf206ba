"""What mutations answer when they do what they are asked for."""

import strawberry

from schema.agent import Agent
from schema.folder import Folder
from schema.message import Message
from schema.project import Project
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
