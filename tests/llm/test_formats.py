"""Answers in JSON: what may be asked for, and the bytes that ask each provider."""

from typing import Any

import pytest

from llm import formats, parameters
from llm.errors import ModelError, ModelErrorCode
from llm.formats import Format
from llm.models import Models
from llm.turns import Request, Text, Turn
from tests.llm.reading import read, read_until_failure, text
from tests.llm.test_anthropic import said
from tests.llm.test_anthropic import stream as anthropic_stream
from tests.llm.test_openai import chunk, stream
from tests.llm.upstream import Upstream

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "celsius": {"type": "number"}},
    "required": ["city", "celsius"],
    "additionalProperties": False,
}
WEATHER = {"type": "json_schema", "json_schema": {"name": "weather", "schema": SCHEMA, "strict": True}}


def asking(format: object) -> Request:
    return Request((Turn("user", (Text("Weather?"),)),), parameters={"response_format": format})


@pytest.mark.parametrize(
    ("format", "asked"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, Format("json", None)),
        (WEATHER, Format("weather", SCHEMA)),
        ({"type": "json_schema", "json_schema": {"name": "a-b_1", "schema": {}, "strict": None}}, Format("a-b_1", {})),
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": {}, "description": "d"}}, Format("x", {})),
        (None, None),
    ],
)
def test_a_format_is_text_any_object_or_a_schema(format: object, asked: Format | None) -> None:
    parameters.check({"response_format": format})
    assert formats.of({"response_format": format}) == asked


@pytest.mark.parametrize(
    ("format", "reason"),
    [
        ("json_object", "must be an object with the 'type' text, json_object or json_schema."),
        ({}, "must be an object with the 'type' text, json_object or json_schema."),
        ({"type": "xml"}, "must be an object with the 'type' text, json_object or json_schema."),
        ({"type": ["text"]}, "must be an object with the 'type' text, json_object or json_schema."),
        ({"type": "json_object", "schema": {}}, "of the type 'json_object' has no 'schema'."),
        ({"type": "json_schema"}, 'needs {"json_schema": {"name": …, "schema": …}}.'),
        ({"type": "json_schema", "schema": {}}, "of the type 'json_schema' has no 'schema'."),
        ({"type": "json_schema", "json_schema": []}, 'needs {"json_schema": {"name": …, "schema": …}}.'),
        (
            {"type": "json_schema", "json_schema": {"schema": {}}},
            "needs a 'name' in its 'json_schema': up to 64 letters, digits, '_' and '-'.",
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}},
            "needs a 'name' in its 'json_schema': up to 64 letters, digits, '_' and '-'.",
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "x" * 65, "schema": {}}},
            "needs a 'name' in its 'json_schema': up to 64 letters, digits, '_' and '-'.",
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "x"}},
            "needs a JSON Schema in its 'json_schema', as 'schema': an object.",
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "x", "schema": True}},
            "needs a JSON Schema in its 'json_schema', as 'schema': an object.",
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "x", "schema": {}, "strict": "yes"}},
            "is 'strict' or not: true, false, or null.",
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "x", "schema": {}, "description": 1}},
            "has a text as its 'description'.",
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "x", "schema": {}, "Strict": True}},
            "has no 'Strict' in its 'json_schema', but: name, description, schema, strict.",
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "x", "schema": {"title": "x" * 32_757}}},
            "has a schema of at most 32,768 bytes as JSON; this one has 32,769.",
        ),
    ],
)
def test_another_format_is_refused_with_what_it_may_be(format: object, reason: str) -> None:
    with pytest.raises(ModelError) as refused:
        parameters.check({"response_format": format})
    assert refused.value.code is ModelErrorCode.BAD_REQUEST
    assert refused.value.reason == f"The parameter 'response_format' {reason}"


@pytest.mark.parametrize("format", [WEATHER, {"type": "json_object"}])
async def test_openai_and_all_like_it_are_asked_as_it_is_written(
    openai: Models, upstream: Upstream, format: dict[str, Any]
) -> None:
    upstream.answer = lambda exchange: stream(exchange, chunk({"content": '{"city":"Oslo"}'}), chunk({}, "stop"))
    assert text(await read(openai, asking(format))) == '{"city":"Oslo"}'
    assert upstream.asked[0].body["response_format"] == format


async def test_anthropic_is_asked_in_its_own_form(anthropic: Models, upstream: Upstream) -> None:
    upstream.answer = lambda exchange: anthropic_stream(exchange, [said('{"city":', '"Oslo"}')], "end_turn")
    assert text(await read(anthropic, asking(WEATHER))) == '{"city":"Oslo"}'
    body = upstream.asked[0].body
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert "response_format" not in body
    assert "output_format" not in body


async def test_anthropic_is_not_asked_for_what_it_has_not(anthropic: Models, upstream: Upstream) -> None:
    given, error = await read_until_failure(anthropic, asking({"type": "json_object"}))
    assert (given, error.code, upstream.asked) == ([], ModelErrorCode.BAD_REQUEST, [])
    assert error.reason == (
        "Anthropic's models answer in JSON only if they are given its schema: use a 'response_format' of the type "
        "'json_schema'."
    )


@pytest.mark.parametrize("format", [{"type": "text"}, None])
async def test_text_is_asked_for_by_saying_nothing(openai: Models, upstream: Upstream, format: object) -> None:
    upstream.answer = lambda exchange: stream(exchange, chunk({"content": "Mild."}), chunk({}, "stop"))
    await read(openai, asking(format))
    assert "response_format" not in upstream.asked[0].body


async def test_a_provider_that_has_no_such_format_is_quoted(openai: Models, upstream: Upstream) -> None:
    message = "This response_format type is unavailable now"
    upstream.answer = lambda exchange: exchange.refuse(400, {"error": {"message": message}})
    _, error = await read_until_failure(openai, asking(WEATHER))
    assert error.code is ModelErrorCode.BAD_REQUEST
    assert error.reason == f"The model provider refused the request: {message}"
