"""Messages: react, rate, annotate, put in short."""

from typing import Annotated, Literal

import strawberry

from chat.conversation import annotations, compactions
from chat.conversation.annotations import Range, Rating
from chat.same import SAME, Same
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
    row = await annotations.react(scope, identifier.parse("id", id), emoji, on=on)
    return MessagePayload(message=Message.of(row))


async def rate(
    info: Info,
    id: MessageId,
    rating: Annotated[
        strawberry.Maybe[Rating | None],
        strawberry.argument(description="Your rating; null takes it back, with the comment. Left out, it stays."),
    ] = None,
    comment: Annotated[
        strawberry.Maybe[str | None],
        strawberry.argument(
            description="What you say about it, in at most 2,000 characters; null takes that back. Left out, it stays."
        ),
    ] = None,
    client_mutation_id: Key = None,
) -> MarkMessageResult:
    """Sets what the viewer thinks of a message."""
    scope = once(info, "setFeedback", client_mutation_id, id, rating, comment)
    row = await annotations.rate(
        scope,
        identifier.parse("id", id),
        SAME if rating is None else rating.value,
        SAME if comment is None else comment.value,
    )
    return MessagePayload(message=Message.of(row))


async def annotate(
    info: Info,
    input: Annotated[AnnotateInput, strawberry.argument(description="The annotation.")],
    client_mutation_id: Key = None,
) -> AnnotateResult:
    """Adds or changes an annotation."""
    at: Range | Literal[Same.SAME] | None = SAME
    if input.range is not None:
        place = input.range.value
        at = None if place is None else Range(place.part, place.start, place.end)
    row = await annotations.annotate(
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
    row = await annotations.remove_annotation(
        scope, identifier.parse("messageId", message_id), identifier.parse("id", id)
    )
    return MessagePayload(message=Message.of(row))


async def set_compaction(
    info: Info,
    id: MessageId,
    text: Annotated[
        str | None,
        strawberry.argument(description="What models are told, in at most 10,000 characters; null takes it away."),
    ] = None,
    client_mutation_id: Key = None,
) -> MarkMessageResult:
    """Sets what models are told in place of a message and all that precedes it."""
    scope = once(info, "setCompaction", client_mutation_id, id, text)
    return MessagePayload(message=Message.of(await compactions.put(scope, identifier.parse("id", id), text)))
