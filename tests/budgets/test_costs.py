"""How many rows a document may ask for, counted before anything is read."""

from itertools import chain

import pytest
from graphql import (
    GraphQLObjectType,
    OperationDefinitionNode,
    get_named_type,
    is_introspection_type,
    is_leaf_type,
    parse,
    validate,
)

from chat.library import folders, templates
from resolvers.root import api
from schema.size import SIZES
from transports import costs

SCHEMA = api._schema
NODE = "edges { node { id } }"


def cost(text: str) -> costs.Cost:
    document = parse(text)
    assert validate(SCHEMA, document) == []
    (operation,) = (d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    return costs.of(SCHEMA, document, operation, SIZES)


def rows(text: str, /, **variables: object) -> int:
    return cost(text).rows(variables)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{{ sessions(first: 3) {{ {NODE} }} }}", 3),
        (f"{{ sessions {{ {NODE} }} }}", 20),
        (f"{{ sessions(last: 7) {{ {NODE} }} }}", 7),
        (f"{{ sessions(first: null, last: 7) {{ {NODE} }} }}", 7),
        (f"{{ sessions(first: 100000) {{ {NODE} }} }}", 100),
        (f"{{ sessions(first: -1) {{ {NODE} }} }}", 100),
        (f"{{ a: sessions(first: 3) {{ {NODE} }} b: sessions(first: 4) {{ {NODE} }} }}", 7),
        ("{ sessions(first: 3) { edges { node { messages(first: 5) { edges { node { parts { index } } } } } } } }", 18),
        ("{ sessions(first: 3) { edges { node { a: turns(last: 2) { edges { node { answers { id } } } } } } } }", 69),
        ('{ session(id: "x") { around(messageId: "y", before: 3, after: 4) { edges { node { id } } } } }', 9),
        ('{ session(id: "x") { around(messageId: "y") { edges { node { id } } } } }', 52),
        ('{ nodes(ids: ["a", "b"]) { ... on Session { messages { edges { node { id } } } } ... on Run { id } } }', 102),
        ("{ folders { id sessionCount } }", 2 * folders.MOST),
        ("{ templates { agent { id } } }", 2 * templates.MOST),
        ('{ message(id: "x") { siblings { ids } revisions(first: 5) { version } run { agent { id } } } }', 9),
        ('{ session(id: "x") { activeRuns { message { id } } unreadCount title tags } viewer { id } }', 1 + 20 + 1 + 1),
        ("{ __schema { types { name fields { name } } } }", 0),
        ("{ sessions(first: 3) @skip(if: true) { totalCount } viewer { id } }", 1),
        (f"subscription {{ changes {{ ... on SessionChanged {{ session {{ messages {{ {NODE} }} }} }} }} }}", 51),
    ],
)  # fmt: skip
def test_lists_multiply_what_is_in_them(text: str, expected: int) -> None:
    assert rows(text) == expected


def test_fragments_count_wherever_they_are_spread_and_once_under_one_name() -> None:
    fragment = f"fragment M on Session {{ messages(first: 9) {{ {NODE} }} }}"

    assert rows(f"{{ sessions(first: 2) {{ edges {{ node {{ ...M ...M ... {{ ...M }} }} }} }} }} {fragment}") == 20
    two = f'{{ session(id: "x") {{ ...M }} sessions(first: 2) {{ edges {{ node {{ ...M }} }} }} }} {fragment}'
    assert rows(two) == 10 + 20


def test_aliases_of_aliases_multiply() -> None:
    inner = " ".join(f"m{number}: messages(first: 100) {{ {NODE} }}" for number in range(19))
    outer = " ".join(f"s{number}: sessions(first: 100) {{ edges {{ node {{ {inner} }} }} }}" for number in range(10))

    assert rows(f"{{ {outer} }}") == 10 * 100 * (1 + 19 * 100)


def test_variables_count_with_their_values_and_defaults() -> None:
    page = f"""query ($n: Int, $m: Int = 4) {{
        sessions(first: $n) {{ edges {{ node {{ messages(last: $m) {{ {NODE} }} }} }} }} }}"""

    assert [rows(page), rows(page, n=2), rows(page, n=2, m=7), rows(page, n=2, m=None)] == [20 * 5, 10, 16, 102]
    assert [rows(page, n="all"), rows(page, n=10**9), rows(page, n=True)] == [500, 500, 5]
    things = "query ($ids: [ID!]!, $id: ID!) { nodes(ids: $ids) { id } two: nodes(ids: [$id, $id]) { id } }"
    assert rows(things, ids=["a"] * 30, id="a") == 32


def test_what_a_variable_leaves_out_costs_nothing() -> None:
    text = """query ($all: Boolean!) { viewer { id } folders @include(if: $all) { id } ...T @skip(if: $all) }
        fragment T on Query { agents { totalCount } }"""

    assert [rows(text, all=True), rows(text, all=False)] == [1 + folders.MOST, 1 + 100]


def test_what_a_mutation_does_to_many_things_counts_for_each() -> None:
    batch = f"""mutation ($all: [BatchOperation!]!) {{ applyBatch(operations: $all) {{
        ... on ApplyBatchPayload {{ receipts {{ result {{
            ... on SessionPayload {{ session {{ messages(first: 9) {{ {NODE} }} }} }}
            ... on MessagePayload {{ message {{ run {{ id }} }} }} }} }} }} }} }}"""
    bulk = """mutation ($input: BulkUpdateSessionsInput!) { bulkUpdateSessions(input: $input) {
        ... on BulkUpdateSessionsPayload { receipts { session { project { id } } } } } }"""

    assert rows(batch, all=[{}] * 4) == 4 * (1 + 9)
    assert rows(bulk, input={"ids": ["a"] * 6}) == 6 * (1 + 1)


@pytest.mark.parametrize(
    ("text", "copies"),
    [
        ('{ message(id: "x") { content parts { index } } }', 1),
        ('{ message(id: "x") { a: content b: content c: content } }', 3),
        ('{ nodes(ids: []) { ... on Message { a: content b: content } ... on Session { c: id d: id e: id } } }', 3),
        ('{ a: message(id: "x") { content } b: message(id: "x") { content } }', 1),
        ('{ message(id: "x") { parts { ... on TextPart { text } ... on ReasoningPart { text } } } }', 1),
        ('{ message(id: "x") { parts { ... on TextPart { a: text b: text } ... on ReasoningPart { text } } } }', 2),
    ],
)  # fmt: skip
def test_names_for_the_same_text_are_copies(text: str, copies: int) -> None:
    assert cost(text).copies == copies


@pytest.mark.parametrize(
    "deep",
    [
        "{ " + "... { " * 60 + "viewer { id }" + " }" * 60 + " }",
        "{ ...F0 } fragment F90 on Query { folders { id } }"
        + "".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(90)),
    ],
)  # fmt: skip
def test_depth_of_fragments_is_no_harm(deep: str) -> None:
    assert rows(deep) in {1, folders.MOST}


def test_every_list_of_rows_has_a_size() -> None:
    node = SCHEMA.get_type("Node")
    owners = [
        owner
        for owner in SCHEMA.type_map.values()
        if isinstance(owner, GraphQLObjectType) and not is_introspection_type(owner)
    ]
    fields = [(f"{owner.name}.{name}", field) for owner in owners for name, field in owner.fields.items()]
    lists = {
        name
        for name, field in fields
        if "[" in str(field.type) and not is_leaf_type(kind := get_named_type(field.type))
        if costs.is_looked_up(field)
        or kind is node
        or (isinstance(kind, GraphQLObjectType) and node in kind.interfaces)
    }
    pages = {name for name, field in fields if get_named_type(field.type).name.endswith("Connection")}

    assert {"Query.folders", "Turn.answers", "Session.messages"} <= lists | pages
    assert [name for name in chain(lists, pages) if name not in SIZES] == []
    assert [name for name in SIZES if name not in dict(fields)] == []
