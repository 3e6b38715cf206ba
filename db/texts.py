"""Text and JSON as PostgreSQL can hold them.

Every value of every statement goes through here on its way to the driver: what reaches a database can be stored,
whoever sent it. Rules that refuse such text say so before.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import event

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""U+0000 as JSON writes it, but not a backslash with `u0000` behind it."""

FOLDED = "transom_folded({})"
"""In SQL: text whose case does not count, in all alphabets and whatever the database's locale."""


def storable(value: str) -> str:
    """The text with what UTF-8 and PostgreSQL cannot hold (U+0000, lone surrogates) replaced by U+FFFD."""
    return well_formed(value.replace("\0", "\ufffd") if "\0" in value else value)


def well_formed(value: str) -> str:
    """The text with lone surrogates replaced by U+FFFD."""
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value


def composed(value: str) -> str:
    """Storable text in Unicode's normalisation form C, for what is found by its letters: names, titles, tags."""
    return unicodedata.normalize("NFC", storable(value))


def storable_json[Value](value: Value) -> Value:
    """A JSON value with every text in it made storable."""
    stored: Any = value
    match value:
        case str():
            stored = storable(value)
        case dict():
            stored = {storable(key): storable_json(each) for key, each in value.items()}
        case list() | tuple():
            stored = [storable_json(each) for each in value]
    return stored  # type: ignore[no-any-return]


def has_nul(encoded: bytes) -> bool:
    """Whether a text in encoded JSON has U+0000."""
    return b"\\u0000" in encoded and _NUL.search(encoded) is not None


def json(value: object) -> str:
    """A value as the driver takes it for a `jsonb` column.

    Raises:
        TypeError: it has no JSON form.
    """
    try:
        encoded = orjson.dumps(value)
    except TypeError:
        encoded = orjson.dumps(storable_json(value))
    if has_nul(encoded):
        encoded = orjson.dumps(storable_json(value))
    return encoded.decode()


def bound(values: Sequence[object]) -> Sequence[object]:
    """The values of a statement, with every text in them made storable."""
    return [_bound(value) if isinstance(value, str | list | tuple) else value for value in values]


def _bound(value: str | Sequence[object]) -> object:
    if isinstance(value, str):
        return storable(value)
    return bound(value) if value and isinstance(value[0], str | list | tuple) else value


def guard(engine: sa.Engine) -> None:
    """Makes the values of all statements of an engine storable."""

    def before(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> Any:
        several = isinstance(values, list)
        return statement, [tuple(bound(each)) for each in values] if several else tuple(bound(values))

    event.listen(engine, "before_cursor_execute", before, retval=True)
