"""JSON Schemas that somebody sent us, and values that are to fit them.

A small schema can be the work of hours: `anyOf` within `anyOf`, forty deep, or one that refers to itself. No thread can
be stopped, and the library holds the interpreter's lock; so each check is a process of its own, with an end.
"""

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from llm import schema_process

_LONGEST = 20.0
"""Seconds for a check; its process has an end of its own, in seconds of work, which a busy machine does not bring
nearer."""
_AT_ONCE = max(2, os.cpu_count() or 1)
_LONGEST_TEXT = 200

_pool = ThreadPoolExecutor(_AT_ONCE, "schemas")  # which wait for the processes


@dataclass(frozen=True, slots=True)
class Misfit:
    """What is wrong, where (a JSON pointer, RFC 6901, cut where it is long), in words without the value itself."""

    pointer: str
    reason: str


TOO_SLOW = Misfit("", "the check takes too long. Make the schema simpler")
"""What is said of a schema that cannot be checked, or compared with, in time."""


async def check(schema: Mapping[str, Any]) -> Misfit | None:
    """What is wrong with a schema. None: it is a JSON Schema, and refers to nothing outside itself.

    Without `$schema` it is one of draft 2020-12. Patterns are regular expressions that can be matched in linear time:
    without looking around and back references.
    """
    return await _ask({"schema": schema})


async def compare(schema: Mapping[str, Any], value: object) -> Misfit | None:
    """Where a value does not fit a schema; None where it does."""
    return await _ask({"schema": schema, "value": value})


async def _ask(question: Mapping[str, object]) -> Misfit | None:
    told = await asyncio.get_running_loop().run_in_executor(_pool, partial(_run, json.dumps(question).encode()))
    if told is None:
        return TOO_SLOW
    return None if told == {} else Misfit(_pointer(told["at"]), _short(told["why"]))


def _run(question: bytes) -> Any:
    """What the process has said last; None where it came to no answer.

    Raises:
        RuntimeError: it has a fault.
    """
    command = [sys.executable, "-I", "-S", schema_process.__file__, _packages()]
    try:
        done = subprocess.run(
            command, input=question, capture_output=True, timeout=_LONGEST, check=False, start_new_session=True
        )
    except subprocess.TimeoutExpired as late:
        return _last(late.stdout or b"")
    if done.returncode > 0:
        raise RuntimeError(f"A schema could not be checked: {done.stderr.decode(errors='replace')}")
    return _last(done.stdout)


def _last(said: bytes) -> Any:
    lines = [line for line in said.splitlines(keepends=True) if line.endswith(b"\n")]
    return json.loads(lines[-1]) if lines else None


@cache
def _packages() -> str:
    """The folder that has the library."""
    found = importlib.util.find_spec("jsonschema_rs")
    assert found is not None
    assert found.origin is not None
    return str(Path(found.origin).parents[1])


def _pointer(path: Sequence[str | int]) -> str:
    return _short("".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
