import logging
import re
from typing import Any

import httpx
import pytest

from tests.graphql.served import Served, anybody, schema, serving
from transports import GraphQLEndpoint
from transports.errors import Code


async def answer_to(served: Served, http: httpx.AsyncClient, query: str, **variables: object) -> dict[str, Any]:
    answer = await http.post(served.url, json={"query": query, "variables": variables})
    result: dict[str, Any] = answer.json()
    return result


async def test_an_unforeseen_exception_is_masked_behind_an_incident(
    served: Served, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        result = await answer_to(served, http, "query ($s: String!) { broken(secret: $s) hello }", s="hunter2")
    (error,) = result["errors"]
    incident = error["extensions"]["incident"]
    assert re.fullmatch("[0-9a-f]{12}", incident)
    assert result == {
        "data": {"broken": None, "hello": "Hello world"},
        "errors": [
            {
                "message": f"Something went wrong on our side. Incident {incident}.",
                "path": ["broken"],
                "extensions": {"code": "INTERNAL", "incident": incident},
            }
        ],
    }
    (record,) = [record for record in caplog.records if record.name.startswith(("transom", "strawberry"))]
    assert f"Incident {incident} at broken" in record.getMessage()
    assert "RuntimeError" in record.getMessage()
    assert "served.py" in record.getMessage()


async def test_neither_documents_nor_variables_are_logged(
    served: Served, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="transom"), caplog.at_level(logging.DEBUG, logger="strawberry"):
        await answer_to(served, http, "query Hidden ($s: String!) { broken(secret: $s) notANumber }", s="hunter2")
        await answer_to(served, http, "query Hidden { noSuchField }")
        await answer_to(served, http, "query Hidden ($s: Int!) { typed(number: $s) }", s="hunter2")
    for record in caplog.records:
        text = logging.Formatter("%(message)s").format(record)
        assert "hunter2" not in text
        assert "Hidden" not in text
        assert "hush" not in text


async def test_a_coded_refusal_passes_as_it_is(
    served: Served, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    result = await answer_to(served, http, "{ refused }")
    assert result == {
        "data": {"refused": None},
        "errors": [
            {
                "message": "Not like this.",
                "locations": [{"line": 1, "column": 3}],
                "path": ["refused"],
                "extensions": {"code": "BAD_USER_INPUT", "hint": 1},
            }
        ],
    }
    assert caplog.records == []


@pytest.mark.parametrize("query", ["{ uncoded }", "{ notANumber }", "{ brokenWhole }"])
async def test_an_error_without_a_code_of_ours_is_masked(served: Served, http: httpx.AsyncClient, query: str) -> None:
    result = await answer_to(served, http, query)
    (error,) = result["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert "detail" not in str(result)
    assert "hush" not in str(result)


@pytest.mark.parametrize(
    ("declared", "used", "value", "message"),
    [
        ("Int!", "number", "hunter2", "Variable '$v' has invalid value: Int cannot represent non-integer value."),
        (
            "Int!",
            "number",
            None,
            "Variable '$v' has invalid value: Expected value of non-null type 'Int!' not to be null.",
        ),
        ("Colour!", "colour", "hunter2", "Variable '$v' has invalid value: Value does not exist in 'Colour' enum."),
        ("Colour!", "colour", 7, "Variable '$v' has invalid value: Enum 'Colour' cannot represent non-string value."),
        (
            "Point",
            "point",
            "hunter2",
            "Variable '$v' has invalid value: Expected value of type 'Point' to be an object.",
        ),
        (
            "Point",
            "point",
            {"x": 1, "y": "hunter2"},
            "Variable '$v' has invalid value at .y: Int cannot represent non-integer value.",
        ),
        (
            "Point",
            "point",
            {"y": 7},
            "Variable '$v' has invalid value: Expected value of type 'Point' to include required field 'x'.",
        ),
        (
            "Point",
            "point",
            {"x": 1, "z": "hunter2"},
            "Variable '$v' has invalid value: Expected value of type 'Point' not to include unknown field 'z'.",
        ),
    ],
)
async def test_a_bad_variable_is_named_and_its_value_is_not(
    served: Served, http: httpx.AsyncClient, declared: str, used: str, value: object, message: str
) -> None:
    result = await answer_to(served, http, f"query ($v: {declared}) {{ typed({used}: $v) }}", v=value)
    assert "data" not in result
    assert [(error["message"], error["extensions"]) for error in result["errors"]] == [
        (message, {"code": "BAD_USER_INPUT"})
    ]


async def test_a_missing_variable_of_an_argument_is_bad_input(served: Served, http: httpx.AsyncClient) -> None:
    result = await answer_to(served, http, "query ($n: String) { hello(name: $n) }", n=None)
    assert result["errors"][0]["extensions"]["code"] in {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"}


async def test_suggestions_are_hidden_with_introspection(http: httpx.AsyncClient) -> None:
    async with serving(introspection=False) as served:
        for query in ("{ helo }", "{ hello(nam: 1) }", "{ __schema { queryType { name } } }"):
            result = await answer_to(served, http, query)
            assert result["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
            assert "Did you mean" not in str(result)
        result = await answer_to(served, http, "query ($p: Point) { typed(point: $p) }", p={"x": 1, "yy": 2})
        assert "Did you mean" not in str(result)


async def test_suggestions_help_while_introspection_is_on(served: Served, http: httpx.AsyncClient) -> None:
    result = await answer_to(served, http, "{ helo }")
    assert "Did you mean 'hello'?" in result["errors"][0]["message"]


def test_serving_a_schema_leaves_the_schema_alone() -> None:
    async def context(_: object) -> None:
        return None

    before = (schema.extensions, "process_errors" in vars(schema))
    GraphQLEndpoint(schema, authenticate=anybody, context=context)
    assert (schema.extensions, "process_errors" in vars(schema)) == before


def test_codes_are_their_own_names() -> None:
    assert all(code.value == code.name for code in Code)
