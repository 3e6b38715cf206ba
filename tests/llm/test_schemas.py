"""JSON Schemas of strangers: what is one, and what fits it, in bounded time and without a look outside."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from llm import schemas
from llm.schemas import Misfit

OUTSIDE = "it refers to something that is not in it, and nothing is fetched; or its '$schema' is not known"
NO_PATTERN = "it is no regular expression, or one that looks around or back"


@pytest.mark.parametrize(
    ("schema", "wrong"),
    [
        ({}, None),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"type": "string"}}}, None),
        ({"type": "array", "items": {"$ref": "#"}}, None),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]}, None),
        ({"pattern": "^[a-z]+$"}, None),
        ({"properties": {"a": {"minimum": "1"}}}, Misfit("/properties/a/minimum", 'it is not of type "number"')),
        ({"properties": {"a/b": {"required": "a"}}}, Misfit("/properties/a~1b/required", 'it is not of type "array"')),
        ({"pattern": "("}, Misfit("/pattern", NO_PATTERN)),
        ({"pattern": "^(?=a)"}, Misfit("/pattern", NO_PATTERN)),
        ({"pattern": r"(a)\1"}, Misfit("/pattern", NO_PATTERN)),
        ({"pattern": "(a{1000}){1000}"}, Misfit("/pattern", NO_PATTERN)),
        ({"patternProperties": {"(?!a)": {}}}, Misfit("/patternProperties/(?!a)", NO_PATTERN)),
        ({"$ref": "#/$defs/none"}, Misfit("", OUTSIDE)),
        ({"$ref": "other.json"}, Misfit("", OUTSIDE)),
        ({"$ref": "file:///etc/passwd"}, Misfit("", OUTSIDE)),
        ({"$schema": "https://example.com/mine"}, Misfit("", OUTSIDE)),
        ({"$id": "https://example.com/a", "$ref": "b"}, Misfit("", OUTSIDE)),
    ],
)
async def test_a_schema_is_right_or_wrong_at_a_place(schema: dict[str, Any], wrong: Misfit | None) -> None:
    assert await schemas.check(schema) == wrong


async def test_nothing_is_fetched(tmp_path: Path) -> None:
    came: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.readline())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    file = tmp_path / "schema.json"
    file.write_text("{}")
    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        for address in (f"http://127.0.0.1:{port}/schema", file.as_uri()):
            for name in ("$ref", "$dynamicRef", "$schema"):
                assert await schemas.check({name: address}) == Misfit("", OUTSIDE)
            assert await schemas.check({"properties": {"a": {"$ref": address}}}) == Misfit("", OUTSIDE)
    assert came == []


@pytest.mark.parametrize(
    ("schema", "value", "misfit"),
    [
        ({"type": "string"}, "a", None),
        ({"items": {"maxLength": 2}}, ["ab", "abc"], Misfit("/1", "it is longer than 2 characters")),
        ({"required": ["a"]}, {}, Misfit("", '"a" is a required property')),
        (
            {"properties": {"a~/": {"type": "number"}}},
            {"a~/": "secret"},
            Misfit("/a~0~1", 'it is not of type "number"'),
        ),
        ({"type": "string", "format": "date"}, "soon", Misfit("", 'it is not a "date"')),
        ({"pattern": "^(a+)+$"}, "a" * 200_000 + "b", Misfit("", 'it does not match "^(a+)+$"')),
        ({"$ref": "#"}, 1, None),
        ({"type": "integer"}, 2**64 - 1, None),
    ],
)
async def test_a_value_fits_or_does_not_at_a_place(
    schema: dict[str, Any], value: object, misfit: Misfit | None
) -> None:
    assert await schemas.compare(schema, value) == misfit


async def test_a_misfit_does_not_quote_at_length() -> None:
    long = "x" * 10_000
    found = await schemas.compare(
        {"propertyNames": {"maxLength": 3}, "properties": {long: {"type": "null"}}}, {long: 1}
    )
    assert found is not None
    assert (len(found.pointer) <= 201, len(found.reason) <= 201) == (True, True)


def branching(deep: int) -> dict[str, Any]:
    """Two ways to fit at each level, all of which have to be tried."""
    both = {f"a{n}": {"anyOf": [{"$ref": f"#/$defs/a{n + 1}"}, {"$ref": f"#/$defs/a{n + 1}"}]} for n in range(deep)}
    return {"$defs": {**both, f"a{deep}": {"type": "string"}}, "$ref": "#/$defs/a0"}


async def test_a_check_that_would_never_end_is_given_up() -> None:
    assert await schemas.check(branching(60)) is None
    assert await schemas.compare(branching(60), 1) == schemas.TOO_SLOW


async def test_what_does_not_fit_is_known_though_its_place_is_not() -> None:
    schema = {
        "anyOf": [
            {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["b"]},
            {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["c"]},
            {"type": "string"},
        ]
    }
    value: object = "x"
    for _ in range(60):
        value = {"a": value}
    assert await schemas.compare(schema, value) == Misfit("", "it does not fit")
