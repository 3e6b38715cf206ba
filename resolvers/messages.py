"""Messages: send."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

import strawberry

from chat.conversation import messages
from chat.conversation.sessions import NewSession
from chat.refusals import InvalidInput
from chat.subscriptions import message_stream as live_messages
from resolvers import sessions
from schema import identifier
from schema.context import Info
from schema.input import SendMessageInput
from schema.message import Message
from schema.payload import SendMessagePayload
from schema.repeat import Key, once
from schema.result import SendMessageResult
from schema.run import Run
from schema.session import Session


async def message(
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The message's id.")]
) -> Message | None:
    """One message."""
    row = await info.context.messages.load(identifier.parse("id", id))
    return None if row is None else Message.of(row)


async def live(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The message's id.")],
    every: Annotated[
        int, strawberry.argument(description="Milliseconds between two states at least, from 20 to 10,000.")
    ] = 250,
) -> AsyncGenerator[Message]:
    """One message while it grows."""
    async with aclosing(live_messages.message(info.context.scope, identifier.parse("id", id), every=every)) as states:
        async for row in states:
            yield Message.of(row)


async def send(
    info: Info,
    input: Annotated[SendMessageInput, strawberry.argument(description="The message.")],
    client_mutation_id: Key = None,
) -> SendMessageResult:
    """Stores a message and has it answered."""
    if input.session_id is not None and input.new_session is not None:
        raise InvalidInput("newSession", "Give `sessionId` or `newSession`, not both.")
    session_id = identifier.optional("sessionId", input.session_id)
    new = NewSession() if input.new_session is None else sessions.new(input.new_session, "newSession.")
    to = new if session_id is None else session_id
    said: dict[str, Any] = {
        "message_id": identifier.optional("id", input.id),
        "parent_id": (
            messages.TIP if input.parent_id is None else identifier.optional("parentId", input.parent_id.value)
        ),
        "metadata": input.metadata,
        "client_created_at": input.client_created_at,
    }
    scope = once(info, "sendMessage", client_mutation_id, input)
    if not input.reply:
        posted = await messages.post(scope, to, input.text, **said)
        return SendMessagePayload(
            session=Session.of(posted.seen), message=Message.of(posted.message), reply=None, run=None
        )
    exchange = await messages.send(scope, to, input.text, **said, when_busy=input.when_busy)
    return SendMessagePayload(
        session=Session.of(exchange.seen),
        message=Message.of(exchange.message),
        reply=Message.of(exchange.reply),
        run=Run.of(exchange.run),
    )
