"""Ids: a row's UUID is its global id, so a client that made the id knows it before the server does."""

import re
from functools import lru_cache
from uuid import UUID

import strawberry

from chat.refusals import InvalidInput

_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
"""How a UUID is written (RFC 9562, section 4). Python takes more: braces, `urn:uuid:`, hyphens anywhere."""


def parse(field: str, value: strawberry.ID) -> UUID:
    """The UUID that a client sent in `field`.

    Raises:
        InvalidInput: it is none.
    """
    if _TEXT.fullmatch(value) is None:
        raise InvalidInput(field, f"`{field}` is no id. Ids are UUIDs, such as the API gave you.")
    return UUID(value)


def optional(field: str, value: strawberry.ID | None) -> UUID | None:
    """The same for an id that may be absent."""
    return None if value is None else parse(field, value)


def of(value: UUID) -> strawberry.ID:
    """The id as clients see it."""
    return strawberry.ID(str(value))


@lru_cache(1 << 14)
def often(value: UUID) -> strawberry.ID:
    """The same for an id that is shown again and again, such as those that come with every token of a reply."""
    return of(value)


def optional_of(value: UUID | None) -> strawberry.ID | None:
    """The same for what may be absent."""
    return None if value is None else of(value)
