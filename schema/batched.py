"""What a batch may hold: the mutations that make sense offline, each with its own input or arguments."""

import strawberry
from strawberry.scalars import JSON

from schema.cursor import SyncCursor
from schema.input import (
    LAST_SENT,
    AnnotateInput,
    CreateAgentInput,
    CreateFolderInput,
    CreateProjectInput,
    CreateSessionInput,
    CreateTemplateInput,
    EditAgentInput,
    EditFolderInput,
    EditMessageInput,
    EditProjectInput,
    EditSessionInput,
    EditTemplateInput,
    ForkSessionInput,
    ReviseMessageInput,
    SendMessageInput,
)
from schema.rating import Rating
from schema.removal import DeletionInput


@strawberry.input(description="The arguments of `moveFolder`.")
class MoveFolderInput:
    """For `applyBatch`."""

    id: strawberry.ID = strawberry.field(description="The folder.")
    parent_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="Where it goes; null: to the top. Left out: where `beforeId` is, or where it is."
    )
    before_id: strawberry.ID | None = strawberry.field(
        default=None, description="The folder there that it is to come before; null: it comes last."
    )


@strawberry.input(description="The arguments of `markRead`.")
class MarkReadInput:
    """For `applyBatch`."""

    id: strawberry.ID = strawberry.field(description="The session.")
    up_to: SyncCursor | None = strawberry.field(
        default=None, description="A `cursor` of the session; without it: all of it."
    )


@strawberry.input(description="The arguments of `saveDraft`.")
class SaveDraftInput:
    """For `applyBatch`."""

    id: strawberry.ID = strawberry.field(description="The session.")
    text: str = strawberry.field(description="At most 200,000 characters; blank text is no draft.")
    last_sent_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(description=LAST_SENT)


@strawberry.input(description="The arguments of `moveSession`.")
class MoveSessionInput:
    """For `applyBatch`."""

    id: strawberry.ID = strawberry.field(description="The session.")
    before_id: strawberry.ID | None = strawberry.field(
        default=None, description="The session that comes next; without it: to the end."
    )


@strawberry.input(description="The arguments of `setSessionState`.")
class SetSessionStateInput:
    """For `applyBatch`."""

    id: strawberry.ID = strawberry.field(description="The session.")
    values: JSON = strawberry.field(description="A JSON object: the keys to set. Null takes one away.")


@strawberry.input(description="The arguments of `chooseBranch`.")
class ChooseBranchInput:
    """For `applyBatch`."""

    id: strawberry.ID = strawberry.field(description="The session.")
    message_id: strawberry.ID | None = strawberry.field(
        default=None, description="A message that the path goes through; null for the branch that was written to last."
    )


@strawberry.input(description="The arguments of `setReaction`.")
class SetReactionInput:
    """For `applyBatch`."""

    id: strawberry.ID = strawberry.field(description="The message.")
    emoji: str = strawberry.field(description="An emoji, or other text of at most 32 characters.")
    on: bool = strawberry.field(default=True, description="Whether you react so; false takes it back.")


@strawberry.input(description="The arguments of `setFeedback`.")
class SetFeedbackInput:
    """For `applyBatch`."""

    id: strawberry.ID = strawberry.field(description="The message.")
    rating: strawberry.Maybe[Rating | None] = strawberry.field(
        description="Your rating; null takes it back, with the comment. Left out, it stays."
    )
    comment: strawberry.Maybe[str | None] = strawberry.field(
        description="What you say about it; null takes that back. Left out, it stays."
    )


@strawberry.input(description="The arguments of `removeAnnotation`.")
class RemoveAnnotationInput:
    """For `applyBatch`."""

    message_id: strawberry.ID = strawberry.field(description="The message.")
    id: strawberry.ID = strawberry.field(description="The annotation.")


@strawberry.input(description="The arguments of `setCompaction`.")
class SetCompactionInput:
    """For `applyBatch`."""

    id: strawberry.ID = strawberry.field(description="The message.")
    text: str | None = strawberry.field(default=None, description="What models are told; null takes it away.")


@strawberry.input(one_of=True, description="One mutation of a batch. Give exactly one field.")
class BatchedMutation:
    """The mutations under their own names: the input, the arguments, or the id that a mutation takes alone."""

    create_project: strawberry.Maybe[CreateProjectInput] = strawberry.field(description="As `createProject`.")
    edit_project: strawberry.Maybe[EditProjectInput] = strawberry.field(description="As `editProject`.")
    delete_project: strawberry.Maybe[strawberry.ID] = strawberry.field(description="As `deleteProject`: the id.")
    create_agent: strawberry.Maybe[CreateAgentInput] = strawberry.field(description="As `createAgent`.")
    edit_agent: strawberry.Maybe[EditAgentInput] = strawberry.field(description="As `editAgent`.")
    delete_agent: strawberry.Maybe[strawberry.ID] = strawberry.field(description="As `deleteAgent`: the id.")
    create_template: strawberry.Maybe[CreateTemplateInput] = strawberry.field(description="As `createTemplate`.")
    edit_template: strawberry.Maybe[EditTemplateInput] = strawberry.field(description="As `editTemplate`.")
    delete_template: strawberry.Maybe[strawberry.ID] = strawberry.field(description="As `deleteTemplate`: the id.")
    create_folder: strawberry.Maybe[CreateFolderInput] = strawberry.field(description="As `createFolder`.")
    edit_folder: strawberry.Maybe[EditFolderInput] = strawberry.field(description="As `editFolder`.")
    move_folder: strawberry.Maybe[MoveFolderInput] = strawberry.field(description="As `moveFolder`.")
    delete_folder: strawberry.Maybe[strawberry.ID] = strawberry.field(description="As `deleteFolder`: the id.")
    create_session: strawberry.Maybe[CreateSessionInput] = strawberry.field(description="As `createSession`.")
    edit_session: strawberry.Maybe[EditSessionInput] = strawberry.field(description="As `editSession`.")
    mark_read: strawberry.Maybe[MarkReadInput] = strawberry.field(description="As `markRead`.")
    mark_unread: strawberry.Maybe[strawberry.ID] = strawberry.field(description="As `markUnread`: the id.")
    save_draft: strawberry.Maybe[SaveDraftInput] = strawberry.field(description="As `saveDraft`.")
    move_session: strawberry.Maybe[MoveSessionInput] = strawberry.field(description="As `moveSession`.")
    set_session_state: strawberry.Maybe[SetSessionStateInput] = strawberry.field(description="As `setSessionState`.")
    delete_session: strawberry.Maybe[strawberry.ID] = strawberry.field(description="As `deleteSession`: the id.")
    restore_session: strawberry.Maybe[strawberry.ID] = strawberry.field(description="As `restoreSession`: the id.")
    purge_session: strawberry.Maybe[strawberry.ID] = strawberry.field(description="As `purgeSession`: the id.")
    clear_session: strawberry.Maybe[strawberry.ID] = strawberry.field(description="As `clearSession`: the id.")
    restore_history: strawberry.Maybe[strawberry.ID] = strawberry.field(description="As `restoreHistory`: the id.")
    fork_session: strawberry.Maybe[ForkSessionInput] = strawberry.field(description="As `forkSession`.")
    choose_branch: strawberry.Maybe[ChooseBranchInput] = strawberry.field(description="As `chooseBranch`.")
    send_message: strawberry.Maybe[SendMessageInput] = strawberry.field(
        description="As `sendMessage`. Name `parentId`, and it stands where it was written, on a branch if need be."
    )
    edit_message: strawberry.Maybe[EditMessageInput] = strawberry.field(description="As `editMessage`.")
    revise_message: strawberry.Maybe[ReviseMessageInput] = strawberry.field(description="As `reviseMessage`.")
    delete_messages: strawberry.Maybe[DeletionInput] = strawberry.field(description="As `deleteMessages`.")
    restore_messages: strawberry.Maybe[DeletionInput] = strawberry.field(description="As `restoreMessages`.")
    set_reaction: strawberry.Maybe[SetReactionInput] = strawberry.field(description="As `setReaction`.")
    set_feedback: strawberry.Maybe[SetFeedbackInput] = strawberry.field(description="As `setFeedback`.")
    annotate_message: strawberry.Maybe[AnnotateInput] = strawberry.field(description="As `annotateMessage`.")
    remove_annotation: strawberry.Maybe[RemoveAnnotationInput] = strawberry.field(description="As `removeAnnotation`.")
    set_compaction: strawberry.Maybe[SetCompactionInput] = strawberry.field(description="As `setCompaction`.")
    cancel_run: strawberry.Maybe[strawberry.ID] = strawberry.field(description="As `cancelRun`: the run's id.")
