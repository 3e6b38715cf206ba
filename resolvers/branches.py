"""Branches: choose one, say something otherwise, copy one."""

from typing import Annotated, Any

import strawberry

from chat.conversation import branches, edits, forks
from chat.conversation.messages import Exchange
from chat.conversation.reply_requests import WhenBusy
from chat.runs import retries
from resolvers.sessions import SessionId
from schema import identifier
from schema.context import Info
from schema.given import given
from schema.input import EditMessageInput, ForkSessionInput, ReviseMessageInput
from schema.message import Message
from schema.payload import AskAgainPayload, MessagePayload, SendMessagePayload, SessionPayload
from schema.repeat import Key, once
from schema.result import (
    ChooseBranchResult,
    EditMessageResult,
    ForkSessionResult,
    ReplyToMessageResult,
    ReviseMessageResult,
)
from schema.run import Run
from schema.session import Session


async def choose(
    info: Info,
    id: SessionId,
    message_id: Annotated[
        strawberry.ID | None,
        strawberry.argument(
            description="A message that the path goes through, down to the newest leaf below it; null for the branch "
            "that was written to last."
        ),
    ] = None,
    client_mutation_id: Key = None,
) -> ChooseBranchResult:
    """Has the viewer see another branch."""
    scope = once(info, "chooseBranch", client_mutation_id, id, message_id)
    seen = await branches.choose(scope, identifier.parse("id", id), identifier.optional("messageId", message_id))
    return SessionPayload(session=Session.of(seen))


async def edit(
    info: Info,
    input: Annotated[EditMessageInput, strawberry.argument(description="The message, said otherwise.")],
    client_mutation_id: Key = None,
) -> EditMessageResult:
    """Says a message otherwise beside it, and has it answered."""
    said: dict[str, Any] = {
        "new_id": identifier.optional("id", input.id),
        "metadata": given(input.metadata, {}),
        "client_created_at": input.client_created_at,
        "when_busy": input.when_busy if input.reply else None,
    }
    scope = once(info, "editMessage", client_mutation_id, input)
    posted = await edits.edit(scope, identifier.parse("messageId", input.message_id), input.text, **said)
    exchange = posted if isinstance(posted, Exchange) else None
    return SendMessagePayload(
        session=Session.of(posted.seen),
        message=Message.of(posted.message),
        reply=None if exchange is None else Message.of(exchange.reply),
        run=None if exchange is None else Run.of(exchange.run),
    )


async def revise(
    info: Info,
    input: Annotated[ReviseMessageInput, strawberry.argument(description="What to change.")],
    client_mutation_id: Key = None,
) -> ReviseMessageResult:
    """Says a message otherwise in its place."""
    row = await edits.revise(
        once(info, "reviseMessage", client_mutation_id, input),
        identifier.parse("id", input.id),
        text=input.text,
        metadata=given(input.metadata, {}),
        expected_version=input.expected_version,
    )
    return MessagePayload(message=Message.of(row))


async def fork(
    info: Info,
    input: Annotated[ForkSessionInput, strawberry.argument(description="What to copy.")],
    client_mutation_id: Key = None,
) -> ForkSessionResult:
    """Copies a part of a conversation."""
    seen = await forks.fork(
        once(info, "forkSession", client_mutation_id, input),
        identifier.parse("sessionId", input.session_id),
        identifier.parse("messageId", input.message_id),
        input.include,
        new_id=identifier.optional("id", input.id),
        title=input.title,
    )
    return SessionPayload(session=Session.of(seen))


async def answer(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The message to reply to.")],
    when_busy: Annotated[
        WhenBusy, strawberry.argument(description="What to do while another reply is being written.")
    ] = WhenBusy.QUEUE,
    client_mutation_id: Key = None,
) -> ReplyToMessageResult:
    """Asks for a reply to a message."""
    scope = once(info, "replyToMessage", client_mutation_id, id, when_busy)
    seen, reply = await retries.answer(scope, identifier.parse("id", id), when_busy=when_busy)
    return AskAgainPayload(session=Session.of(seen), reply=Message.of(reply.message), run=Run.of(reply.run))
