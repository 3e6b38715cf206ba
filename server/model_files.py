"""The file that names the model providers of a server, and what of it is in force."""

import logging
import os
import re
import tomllib
from pathlib import Path

from llm.catalogs import Catalog
from server import model_entries, small_files

_log = logging.getLogger("transom.models")

LARGEST = 100_000
"""Bytes of the file; it has to fit into a variable of the environment."""
MOST = 100
"""Sentences about one file."""
_ACCEPTED = "TRANSOM_MODELS_ACCEPTED"


class WrongFile(Exception):
    """The file cannot be used: a sentence for each thing that is wrong, which names file, place, and what is right."""


def current(path: Path, *, silence: float) -> Catalog:
    """What is in force: what was last accepted by this process or the one that started it, or else the file.

    Raises:
        WrongFile: it cannot be used.
    """
    accepted = os.environ.get(_ACCEPTED)
    return read(path, silence=silence) if accepted is None else _parsed(path, accepted, silence)


def read(path: Path, *, silence: float) -> Catalog:
    """What the file says now, which is in force from here on. `silence` is for providers that set none.

    Raises:
        WrongFile: it cannot be used; what was in force stays.
    """
    try:
        content = small_files.read(path, LARGEST)
        text = content.decode()
    except OSError as error:
        raise WrongFile(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise WrongFile(f"{path} is not in UTF-8.") from None
    if len(content) > LARGEST:
        raise WrongFile(f"{path} has more than {LARGEST:,} bytes.")
    if "\0" in text:
        raise WrongFile(f"{path} is no TOML.")
    catalog = _parsed(path, text, silence)
    os.environ[_ACCEPTED] = text  # for the processes that this one starts, whatever becomes of the file
    _log.info("%s is in force. Providers: %s", path, ", ".join(catalog.providers))
    return catalog


def renew(path: Path, *, silence: float) -> Catalog | None:
    """As `read`. None where the file cannot be used, which is logged."""
    try:
        return read(path, silence=silence)
    except WrongFile as error:
        _log.error("The model providers stay as they were.\n%s", error)
        return None


def _parsed(path: Path, text: str, silence: float) -> Catalog:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WrongFile(_no_toml(path, str(error))) from None
    except RecursionError:
        raise WrongFile(f"{path} is no TOML that can be read: it nests too deeply.") from None
    except ValueError:  # of the language, for a number of thousands of digits
        raise WrongFile(f"{path} is no TOML that can be read: it has a number of too many digits.") from None
    catalog, said = model_entries.catalog(values, path.absolute().parent, silence)
    if said:
        sentences = [f"{path}: {sentence}" for sentence in said[:MOST]]
        if left := len(said) - len(sentences):
            sentences.append(f"{path}: {left:,} more like these.")
        raise WrongFile("\n".join(sentences))
    return catalog


def _no_toml(path: Path, message: str) -> str:
    """Where a file is no TOML. The library's words repeat no values."""
    found = re.fullmatch(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|.*)\)", message, re.DOTALL)
    what, line = (found["what"], found["line"]) if found else (message, None)
    at = f", line {line}, column {found['column']}" if found and line else ""
    return f"{path}{at}: this is no TOML. {what.rstrip('.')}."
