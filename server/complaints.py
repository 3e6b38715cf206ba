"""What is wrong with settings, in sentences for whoever has set them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from enum import Enum
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo

PREFIX = "TRANSOM_"
_SERVICE_LINK = re.compile(r"(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_BOUNDS = ("ge", "le")
_NEAR = 0.8
"""Least likeness of a slip of the pen; no two settings are as like each other."""
_CALLED = {
    "CORS": "ALLOWED_ORIGINS",
    "POSTGRES": "DATABASE_URL",
    "POSTGRESQL": "DATABASE_URL",
    "PG": "DATABASE_URL",
    "DB": "DATABASE_URL",
    "VALKEY": "REDIS_URL",
    "BIND": "HOST",
    "LISTEN": "HOST",
    "TIMEOUT": "MODEL_SILENCE",
}
"""What other programs call some settings, by a word of the name."""
_MATTERS = re.compile("JW|AUTH|TOKEN|SECRET|ORIGIN|CORS|ISSUER|AUDIENCE|TLS|SSL|ALLOW|(URL|DSN)$")
"""In names of settings that keep somebody out, or that say where the data is."""


class Unknown(Enum):
    """What to do about a variable that is no setting."""

    REFUSE = "refuse"
    WARN = "warn"


def of(error: ValidationError, fields: Mapping[str, FieldInfo], names: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each wrong setting; `names` are those of settings that were no variables."""
    for each in error.errors():
        own = each.get("ctx", {}).get("error")
        if not each["loc"]:
            yield str(own or each["msg"])
            continue
        field = str(each["loc"][0])
        yield f"{names.get(field, PREFIX + field.upper())} {own or _wanted(fields[field], each['input'])}"


def _wanted(field: FieldInfo, value: object) -> str:
    """What a value must be, and what it is: never for secrets, whose messages are their own."""
    shown = f"not {str(value)[:80]!r}"
    if str(value).startswith("tcp://"):
        shown += ", which Kubernetes sets for a Service of that name. Set enableServiceLinks: false, or this variable"
    if choices := [choice for choice in get_args(field.annotation) if isinstance(choice, str)]:
        return f"must be {', '.join(choices[:-1])} or {choices[-1]}, {shown}."
    kinds = get_args(field.annotation) or (field.annotation,)
    number = "a whole number" if int in kinds else "a number" if float in kinds else "text"
    least, most = (
        next((getattr(each, name) for each in field.metadata if hasattr(each, name)), None) for name in _BOUNDS
    )
    if least is not None and most is not None:
        number += f" from {_plain(least)} to {_plain(most)}"
    return f"must be {number}, {shown}."


def _plain(bound: Any) -> str:
    return f"{bound:,}" if bound >= 100_000 else str(bound)


def matters(name: str) -> bool:
    """Whether a setting of this name, without its prefix, would keep somebody out or say where the data is."""
    return _MATTERS.search(name) is not None


def unknown(variables: Iterable[str], fields: Iterable[str]) -> Iterator[tuple[Unknown, str]]:
    """What to do about each variable of ours that is no setting, and a sentence that names the nearest one.

    A slip of the pen is refused, and so is what seems to keep somebody out or to say where the data is. Other names are
    ignored with a warning, because they may be settings of another version; those that Kubernetes makes up, without.
    """
    known = {field.upper() for field in fields}
    for variable in sorted(variables):
        name = variable.upper().removeprefix(PREFIX)
        if variable.upper() == name or name in known or _SERVICE_LINK.fullmatch(name):
            continue
        near = get_close_matches(name, known, 1, _NEAR)
        nearest = near or _meant(name, known)
        advice = f" Did you mean {PREFIX}{nearest[0]}?" if nearest else " `transom serve --help` lists all."
        if near or matters(name):
            yield Unknown.REFUSE, f"{variable} is no setting.{advice}"
        else:
            yield Unknown.WARN, f"{variable} is no setting of this version, and is ignored.{advice}"


def _meant(name: str, known: Iterable[str]) -> list[str]:
    """The setting that a name may stand for: as others call it, or one that has a word of it."""
    words = set(name.split("_"))
    called = [setting for word, setting in _CALLED.items() if word in words]
    return called or [near for near in get_close_matches(name, known, 5, 0.5) if words & set(near.split("_"))]
