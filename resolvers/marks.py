"""Messages: react, rate, annotate."""

from typing import Annotated

import strawberry

from chat import marking
from chat.marking import Range, Rating
from schema import identifier
from schema.context import Info
from schema.input import AnnotateInput
from schema.message import Message
from schema.payload import MessagePayload
from schema.repeat import Key, once
from schema.result import AnnotateResult, MarkMessageResult

MessageId = Annotated[strawberry.ID, strawberry.argument(description="The message's id.")]


async def react(
    info: Info,
    id: MessageId,
    emoji: Annotated[str, strawberry.argument(description="An emoji, or other text of at most 32 characters.")],
    on: Annotated[bool, strawberry.argument(description="Whether you react so; false takes it back.")] = True,
    client_mutation_id: Key = None,
) -> MarkMessageResult:
    """Sets a reaction, or takes it away."""
    scope = once(info, "setReaction", client_mutation_id, id, emoji, on)
    row = await marking.react(scope, identifier.parse("id", id), emoji, on=on)
    return MessagePayload(message=Message.of(row))


async def rate(
    info: Info,
    id: MessageId,
    rating: Annotated[Rating | None, strawberry.argument(description="Your rating; null takes it back.")] = None,
    comment: Annotated[
        str | None, strawberry.argument(description="What you say about it; at most 2,000 characters.")
    ] = None,
    client_mutation_id: Key = None,
) -> MarkMessageResult:
    """Sets what the viewer thinks of a message."""
    scope = once(info, "setFeedback", client_mutation_id, id, rating, comment)
    row = await marking.rate(scope, identifier.parse("id", id), rating, comment)
    return MessagePayload(message=Message.of(row))


async def annotate(
    info: Info,
    input: Annotated[AnnotateInput, strawberry.argument(description="The annotation.")],
    client_mutation_id: Key = None,
) -> AnnotateResult:
    """Adds or changes an annotation."""
    at = None if input.range is None else Range(input.range.part, input.range.start, input.range.end)
    row = await marking.annotate(
        once(info, "annotateMessage", client_mutation_id, input),
        identifier.parse("messageId", input.message_id),
        input.text,
        annotation_id=identifier.optional("id", input.id),
        at=at,
    )
    return MessagePayload(message=Message.of(row))


async def remove_annotation(
    info: Info,
    message_id: MessageId,
    id: Annotated[strawberry.ID, strawberry.argument(description="The annotation's id.")],
    client_mutation_id: Key = None,
) -> MarkMessageResult:
    """Takes an annotation away."""
    scope = once(info, "removeAnnotation", client_mutation_id, message_id, id)
    row = await marking.remove_annotation(scope, identifier.parse("messageId", message_id), identifier.parse("id", id))
    return MessagePayload(message=Message.of(row))
