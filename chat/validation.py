"""How large things may be, and the checks that say so."""

import orjson

from chat import policy
from chat.refusals import InvalidInput
from db import texts
from db.models import Json
from sync.cursors import Cursor, NoCursor

TEXT = policy.TEXT
"""Characters of one message; operators and agents may allow fewer (`chat.quotas.sizes`)."""
NAME = 255
"""Characters of a name or a title."""
INSTRUCTIONS = 100_000
"""Characters of an agent's instructions."""
DESCRIPTION = 2_000
"""Characters of an agent's description."""
EXTERNAL_ID = 255
"""Characters of the id that an app has for a session."""
METADATA = policy.METADATA
"""Bytes of a metadata object as JSON; operators may allow fewer."""


def text(field: str, value: str) -> str:
    """The text of a message, as it is stored.

    Raises:
        InvalidInput: it is blank, or has more than `TEXT` characters.
    """
    clean = texts.storable(value)
    if not clean.strip():
        raise InvalidInput(field, "A message needs some text.")
    if len(clean) > TEXT:
        raise InvalidInput(field, f"A message has at most {TEXT:,} characters; this one has {len(clean):,}.")
    return clean


def name(field: str, value: str) -> str:
    """A name or title without surrounding white space.

    Raises:
        InvalidInput: it is blank, or longer than `NAME`.
    """
    clean = texts.composed(value).strip()
    if not clean:
        raise InvalidInput(field, "It may not be blank.")
    if len(clean) > NAME:
        raise InvalidInput(field, f"It has at most {NAME} characters; this one has {len(clean)}.")
    return clean


def note(field: str, value: str | None, most: int) -> str | None:
    """Optional text of at most so many characters; blank text is none.

    Raises:
        InvalidInput: it is longer.
    """
    clean = texts.storable(value or "").strip()
    if len(clean) > most:
        raise InvalidInput(field, f"It has at most {most:,} characters; this one has {len(clean):,}.")
    return clean or None


def draft(field: str, value: str) -> str | None:
    """What somebody is about to say; blank text is none.

    Raises:
        InvalidInput: it is longer than `TEXT`.
    """
    clean = texts.storable(value)
    if len(clean) > TEXT:
        raise InvalidInput(field, f"A draft has at most {TEXT:,} characters; this one has {len(clean):,}.")
    return clean if clean.strip() else None


def short(field: str, value: str, most: int) -> str:
    """Text of at most so many characters, without surrounding white space.

    Raises:
        InvalidInput: it is blank, or longer.
    """
    clean = texts.storable(value).strip()
    if not 0 < len(clean) <= most:
        raise InvalidInput(field, f"It has between 1 and {most:,} characters, and is not blank.")
    return clean


def external_id(field: str, value: str) -> str:
    """An app's own id.

    Raises:
        InvalidInput: it is blank, or longer than `EXTERNAL_ID`.
    """
    clean = texts.storable(value)
    if not clean.strip() or len(clean) > EXTERNAL_ID:
        raise InvalidInput(field, f"It has between 1 and {EXTERNAL_ID} characters, and is not blank.")
    return clean


def metadata(field: str, value: object) -> Json:
    """A JSON object, as it is stored: numbers that JSON does not have become null, as in a browser. None is empty.

    Raises:
        InvalidInput: it is no object, is larger than `METADATA`, or holds what PostgreSQL cannot store.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput(field, 'It must be a JSON object, such as {"stage": "draft"}.')
    try:
        encoded = orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise InvalidInput(field, "It cannot be stored as JSON.") from error
    if len(encoded) > METADATA:
        raise InvalidInput(field, f"It has at most {METADATA:,} bytes as JSON; this one has {len(encoded):,}.")
    if texts.has_nul(encoded):
        raise InvalidInput(field, "It may not contain the character U+0000.")
    stored: Json = orjson.loads(encoded)
    return stored


def cursor(field: str, value: str) -> Cursor:
    """A cursor of a sync scope, as a client sent it.

    Raises:
        InvalidInput: it is none.
    """
    try:
        return Cursor.parse(value)
    except NoCursor as error:
        reason = f"`{field}` is no sync cursor. Use a `cursor` that a query or an event gave you, unchanged."
        raise InvalidInput(field, reason) from error
