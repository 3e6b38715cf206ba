"""The process that checks one JSON Schema, and one value by it: see `llm.schemas`, which starts it.

It reads `{"schema": …}`, with a `"value"` or without, and writes a line: `{}`, or `{"at": [steps], "why": text}`. To
find out what is wrong can take far longer than to find out that something is, so a line without the place comes before.
It imports nothing of ours, to be there at once.
"""

import json
import os
import sys
from typing import Any

SECONDS = 2
"""Of work; then it is killed."""
MEMORY = 1 << 29
"""Bytes."""
_PATTERN = 1 << 20
"""Bytes of a compiled pattern."""

_KINDS = {
    "Referencing": "it refers to something that is not in it, and nothing is fetched; or its '$schema' is not known",
    "Format": "it is no regular expression, or one that looks around or back",
}
"""What is wrong with a schema, in words of our own."""


def main() -> None:
    """Answers the one question."""
    _limit()
    sys.path.append(sys.argv[1])
    import jsonschema_rs  # noqa: PLC0415  (from the folder just named)

    question = json.load(sys.stdin)
    # Only this engine is linear: the other one looks around, and back.
    patterns = jsonschema_rs.RegexOptions(size_limit=_PATTERN, dfa_size_limit=_PATTERN)
    try:
        validator = jsonschema_rs.validator_for(
            question["schema"], mask="it", offline=True, pattern_options=patterns, validate_formats=True
        )
    except jsonschema_rs.ValidationError as error:
        _answer(error.instance_path, _KINDS.get(type(error.kind).__name__, error.message))
        return
    except ValueError as error:
        _answer([], str(error))
        return
    if "value" not in question or validator.is_valid(question["value"]):
        _say({})
        return
    _answer([], "it does not fit")
    try:
        validator.validate(question["value"])
    except jsonschema_rs.ValidationError as error:
        _answer(error.instance_path, error.message)


def _answer(at: list[Any], why: str) -> None:
    _say({"at": at, "why": why})


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _limit() -> None:
    try:
        import resource  # noqa: PLC0415  (Windows has none)
    except ImportError:
        return
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    main()
