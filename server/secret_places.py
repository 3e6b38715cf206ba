"""Secrets that a file only names: they stand in a variable of the environment, or in a file of their own."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from server import small_files
from server.complaints import PREFIX

RIGHT = '{ env = "A_VARIABLE" } or { file = "/path/of/a/file" }'
LONGEST = 10_000
"""Characters of a secret."""
_VISIBLE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")


def read(place: object, folder: Path) -> str:
    """The secret at a place. A file is looked for beside `folder` if its path is relative.

    Raises:
        ValueError: there is none. The message is the end of a sentence that names what needs it, and never the secret.
    """
    if not isinstance(place, dict) or len(place) != 1 or not (place.keys() <= {"env", "file"}):
        raise ValueError(f"must say where the secret is: {RIGHT}.")
    ((kind, name),) = place.items()
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise ValueError(f"must say where the secret is: {RIGHT}.")
    where, value = _of_variable(name) if kind == "env" else _of_file(folder, name)
    return _checked(where, value)


def _of_variable(name: str) -> tuple[str, str]:
    if name.upper().startswith(PREFIX):
        raise ValueError(f"names the variable {name}. Choose a name without {PREFIX}, which is for settings.")
    if not re.fullmatch(r"\w{1,200}", name):
        raise ValueError("names a variable that cannot be one. Give its name, not the secret.")
    if (value := os.environ.get(name)) is None:
        raise ValueError(f"is to be in the variable {name}, which is not set.")
    return f"the variable {name}", value


def _of_file(folder: Path, name: str) -> tuple[str, str]:
    try:
        path = folder / Path(name).expanduser()
    except RuntimeError:
        raise ValueError(f"is to be in the file {name}, which is in nobody's home. Give the whole path.") from None
    try:
        return f"the file {path}", small_files.read(path, LONGEST + 1).decode("ascii")
    except FileNotFoundError:
        raise ValueError(f"is to be in the file {path}, which is not there.") from None
    except UnicodeDecodeError:
        raise ValueError(f"is to be in the file {path}, which holds other characters than those of a key.") from None
    except OSError as error:
        raise ValueError(f"is to be in the file {path}, which cannot be read: {error.strerror}.") from None


def _checked(where: str, value: str) -> str:
    value = value.strip()
    if not value:
        raise ValueError(f"is to be in {where}, which is empty.")
    return header(value, where)


def header(value: str, where: str = "the file") -> str:
    """A text that can be sent as the value of a header (RFC 9110, section 5.5).

    Raises:
        ValueError: it cannot. The message is the end of a sentence, and does not repeat it.
    """
    if len(value) > LONGEST or not _VISIBLE.fullmatch(value):
        raise ValueError(f"is wrong in {where}: it must be one line of visible ASCII characters.")
    return value


def literal_or_secret(value: Any, folder: Path) -> str:
    """A text as it is, or the secret that is named in its place.

    Raises:
        ValueError: as `read` and `header`.
    """
    return read(value, folder) if isinstance(value, Mapping) else header(str(value))
