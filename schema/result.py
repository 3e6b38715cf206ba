"""What each mutation returns: a payload, or one of the refusals that it knows."""

from typing import Annotated

import strawberry

from schema.conflict import (
    AgentConflict,
    FolderConflict,
    MessageConflict,
    ProjectConflict,
    SessionConflict,
    TemplateConflict,
)
from schema.payload import (
    AgentPayload,
    AnswerRunPayload,
    AskAgainPayload,
    CancelRunPayload,
    CancelSendPayload,
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
    SetTypingPayload,
    TemplatePayload,
)
from schema.refusal import Busy, IdTaken, InvalidInput, ModelFailed, NotAllowed, NotFound, QuotaExceeded, RunClosed

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
    MessagePayload | NotFound | NotAllowed | InvalidInput | QuotaExceeded | MessageConflict,
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
    EditQueuedRunPayload | NotFound | NotAllowed | InvalidInput | QuotaExceeded,
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
