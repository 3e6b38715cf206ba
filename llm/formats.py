"""The form that an answer is asked for in: `response_format` as OpenAI writes it, and what each dialect makes of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from llm.errors import ModelError, ModelErrorCode

LARGEST_SCHEMA = 32 * 1024
"""Bytes of a schema, as JSON."""
ANY_OBJECT = "json"
"""The name of an answer that may be any JSON object."""

TYPES = ("text", "json_object", "json_schema")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MEMBERS = {"name", "description", "schema", "strict"}


@dataclass(frozen=True, slots=True)
class Format:
    """JSON under a name; without a schema it may be any object."""

    name: str
    schema: Mapping[str, Any] | None


def is_one(value: object) -> bool:
    """Whether this is a format of a known type."""
    return isinstance(value, dict) and value.get("type") in TYPES


def check(value: object) -> None:
    """See that a format, if it is one, is whole. `llm.schemas` checks the schema in it.

    Raises:
        ModelError: `BAD_REQUEST`, with a reason that says what is wrong.
    """
    if not isinstance(value, dict):
        return
    asked = value["type"]
    known = {"type", "json_schema"} if asked == "json_schema" else {"type"}
    if unknown := value.keys() - known:
        raise _refused(f"of the type '{asked}' has no '{min(unknown)}'")
    if asked != "json_schema":
        return
    inner = value.get("json_schema")
    if not isinstance(inner, dict):
        raise _refused('needs {"json_schema": {"name": …, "schema": …}}')
    if unknown := inner.keys() - _MEMBERS:
        raise _refused(f"has no '{min(unknown)}' in its 'json_schema', but: name, description, schema, strict")
    name, schema = inner.get("name"), inner.get("schema")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _refused("needs a 'name' in its 'json_schema': up to 64 letters, digits, '_' and '-'")
    if not isinstance(schema, dict):
        raise _refused("needs a JSON Schema in its 'json_schema', as 'schema': an object")
    if not isinstance(inner.get("strict"), bool | None):
        raise _refused("is 'strict' or not: true, false, or null")
    if not isinstance(inner.get("description"), str | None):
        raise _refused("has a text as its 'description'")
    if (size := len(orjson.dumps(schema))) > LARGEST_SCHEMA:
        raise _refused(f"has a schema of at most {LARGEST_SCHEMA:,} bytes as JSON; this one has {size:,}")


def of(parameters: Mapping[str, object]) -> Format | None:
    """The format that checked parameters ask for; None where that is text."""
    asked = parameters.get("response_format")
    match asked:
        case {"type": "json_object"}:
            return Format(ANY_OBJECT, None)
        case {"type": "json_schema", "json_schema": {"name": str(name), "schema": dict(schema)}}:
            return Format(name, schema)
        case _:
            return None


def without(parameters: Mapping[str, object]) -> Mapping[str, object]:
    """The parameters of a request whose answer is no whole one."""
    return {name: value for name, value in parameters.items() if name != "response_format"}


def body(provider: Literal["openai", "anthropic"], parameters: Mapping[str, object]) -> dict[str, object]:
    """The members of a request's body that ask for the format, in a provider's dialect.

    https://platform.openai.com/docs/guides/structured-outputs,
    https://platform.claude.com/docs/en/build-with-claude/structured-outputs.

    Raises:
        ModelError: `BAD_REQUEST`, the dialect has no such format.
    """
    asked = of(parameters)
    if asked is None:
        return {}
    if provider == "openai":
        return {"response_format": parameters["response_format"]}
    if asked.schema is None:
        raise ModelError(
            "Anthropic's models answer in JSON only if they are given its schema: use a 'response_format' of the type "
            "'json_schema'.",
            ModelErrorCode.BAD_REQUEST,
        )
    return {"output_config": {"format": {"type": "json_schema", "schema": asked.schema}}}


def _refused(what: str) -> ModelError:
    return ModelError(f"The parameter 'response_format' {what}.", ModelErrorCode.BAD_REQUEST)
