import time

import httpx
import pytest
from graphql import get_introspection_query, parse

from tests.graphql.served import Served, serving
from transports.limits import Limits, exceeded


def broken(text: str, **limits: int) -> list[tuple[str, int, int]]:
    errors = exceeded(parse(text), Limits(**limits))
    return [
        (extensions["limit"], extensions["allowed"], extensions["actual"])
        for error in errors
        if (extensions := error.extensions)
    ]


@pytest.mark.parametrize(
    ("text", "limit", "actual"),
    [
        ("{ a { b { c } } }", "depth", 3),
        ("{ a { ...F } } fragment F on T { b { c } }", "depth", 3),
        ("{ a { ... { ... on T { b { c } } } } }", "depth", 3),
        ("{ a b { c d } }", "fields", 4),
        ("{ ...F x { ...F } } fragment F on T { a b }", "fields", 5),
        ("{ a b ...F ... { c } } fragment F on T { d { e } }", "root_fields", 4),
        ("{ x: a { y: b } ...F } fragment F on T { z: c }", "aliases", 3),
        ("query @a { a @b ...F @c ... @d { e } } fragment F on T @e { f @g }", "directives", 6),
    ],
)
def test_a_limit_counts_through_fragments(text: str, limit: str, actual: int) -> None:
    assert broken(text, **{limit: actual}) == []
    assert broken(text, **{limit: actual - 1}) == [(limit, actual - 1, actual)]


def test_every_operation_is_measured_for_itself() -> None:
    assert broken("query A { a b } query B { a b }", fields=2) == []
    assert broken("query A { a } query B { a b c }", fields=2) == [("fields", 2, 3)]


def test_the_message_says_the_limit_and_the_number() -> None:
    (deep,) = exceeded(parse("{ a { b { c } } }"), Limits(depth=2))
    (wide,) = exceeded(parse("{" + "a " * 1500 + "}"), Limits(fields=1000, root_fields=9999))
    assert deep.message == "The document is 3 fields deep; 2 are allowed."
    assert wide.message == "The document has 1,500 fields; 1,000 are allowed."


def test_a_fragment_bomb_is_counted_in_linear_time() -> None:
    count = 2_000
    bomb = "{ a { ...F0 } }" + "".join(
        f"fragment F{n} on T {{ x {{ ...F{n + 1} }} y {{ ...F{n + 1} }} }}" for n in range(count)
    )
    document = parse(bomb + f"fragment F{count} on T {{ z }}")
    started = time.perf_counter()
    (depth, fields) = exceeded(document, Limits())
    assert time.perf_counter() - started < 1
    assert depth.extensions is not None
    assert fields.extensions is not None
    assert depth.extensions["actual"] == count + 2
    assert fields.extensions["actual"] == 3 * 2**count - 1


def test_fragments_in_a_circle_are_safe() -> None:
    assert broken("{ ...A } fragment A on T { a { ...B } } fragment B on T { b { ...A ...B } }") == []


def test_unknown_fragments_are_safe() -> None:
    assert broken("{ ...Nobody }") == []


def test_introspection_may_go_deeper() -> None:
    assert broken(get_introspection_query(input_value_deprecation=True), depth=1) == []


async def test_graphiql_may_look_at_everything(served: Served, http: httpx.AsyncClient) -> None:
    query = get_introspection_query(specified_by_url=True, directive_is_repeatable=True, schema_description=True)
    answer = await http.post(served.url, json={"query": query})
    assert "errors" not in answer.json()


@pytest.mark.parametrize(
    ("limits", "query", "message"),
    [
        (Limits(characters=20), "{ hello } " + "#" * 11, "The document has 21 characters; 20 are allowed."),
        (Limits(tokens=10), "{" + " hello" * 11 + " }", "The document has more tokens; 10 are allowed."),
        (Limits(depth=3), "{ node { child { child { id } } } }", "The document is 4 fields deep; 3 are allowed."),
    ],
)
async def test_a_document_over_a_limit_is_refused(
    http: httpx.AsyncClient, limits: Limits, query: str, message: str
) -> None:
    async with serving(limits=limits) as served:
        answer = await http.post(served.url, json={"query": query})
        (error,) = answer.json()["errors"]
        assert (error["message"], error["extensions"]["code"]) == (message, "DOCUMENT_TOO_COMPLEX")


@pytest.mark.parametrize(
    "query",
    [
        "{ " + "hello " * 9_000 + "}",
        "{ " + "node { child { id name } } " * 600 + "}",
        "{ ...F0 } " + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(900)),
        "{ "
        + " ".join(f"...F{n}" for n in range(900))
        + "} "
        + " ".join(f"fragment F{n} on Query {{ hello }}" for n in range(900)),
        "query (" + " ".join(f"$v{n}: Int" for n in range(2_000)) + ") { hello }",
        "{ typed(point: " + "{x: " * 180 + "1" + "}" * 180 + ") }",
        "{" * 9_000,
    ],
)
async def test_no_document_blocks_the_server(served: Served, http: httpx.AsyncClient, query: str) -> None:
    started = time.perf_counter()
    answer = await http.post(served.url, json={"query": query})
    assert time.perf_counter() - started < 1.5
    assert "errors" in answer.json()
