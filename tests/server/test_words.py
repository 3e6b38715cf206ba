"""The words in which a value is refused that does not fit its type: those of GraphQL, and never those of Python."""

import re
from typing import Any

import pytest

from tests.server.callers import Caller
from tests.server.places import Place, places

BATCH = "mutation ($o: [BatchOperation!]!) { applyBatch(operations: $o) { __typename } }"
APPEND = "mutation ($i: AppendToRunInput!) { appendToRun(input: $i) { __typename } }"
ONE = "exactly one field must be specified, and the value for that field must be non-null."
CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        BATCH,
        {"o": [{"clientMutationId": "a", "do": {"createProject": None}}]},
        [
            "Variable '$o' has invalid value at [0].do.createProject: "
            f"Within OneOf Input Object type 'BatchedMutation', {ONE}"
        ],
    ),
    (
        BATCH,
        {
            "o": [
                {"clientMutationId": "a", "do": {"markUnread": "x"}},
                {"clientMutationId": "b", "do": {"markUnread": "x", "deleteSession": "y"}},
                {"clientMutationId": "c", "do": {}},
            ]
        },
        [
            f"Variable '$o' has invalid value at [{entry}].do: Within OneOf Input Object type 'BatchedMutation', {ONE}"
            for entry in (1, 2)
        ],
    ),
    (
        BATCH,
        {
            "o": [
                {"clientMutationId": "a", "do": {"markUnread": "x"}},
                {"clientMutationId": "b", "do": {"sendMessage": {"text": "Hi", "clientCreatedAt": "yesterday"}}},
                {"clientMutationId": 5, "do": {"markUnread": {}}},
            ]
        },
        [
            "Variable '$o' has invalid value at [1].do.sendMessage.clientCreatedAt: Write a time as RFC 3339 does: "
            "`2025-01-31T12:00:00Z`, or `2025-01-31T14:00:00.5+02:00`.",
            "Variable '$o' has invalid value at [2].clientMutationId: String cannot represent a non string value.",
            "Variable '$o' has invalid value at [2].do.markUnread: ID cannot represent this value.",
        ],
    ),
    (
        APPEND,
        {"i": {"id": "x", "epoch": 1, "fromSeq": 1, "events": [{"text": None}, {"text": "a", "reasoning": "b"}]}},
        [
            "Variable '$i' has invalid value at .events[0].text: Within OneOf Input Object type 'RunEventInput', "
            + ONE,
            f"Variable '$i' has invalid value at .events[1]: Within OneOf Input Object type 'RunEventInput', {ONE}",
        ],
    ),
    (
        'mutation { applyBatch(operations: [{clientMutationId: "a", do: {createProject: null}}]) { __typename } }',
        {},
        [f"Within OneOf Input Object type 'BatchedMutation', {ONE}"],
    ),
    (
        'mutation ($x: ID) { applyBatch(operations: [{clientMutationId: "a", do: {markUnread: $x}}]) { __typename } }',
        {"x": None},
        [
            "Argument 'operations' has invalid value at [0].do: Expected variable '$x' provided to field 'markUnread' "
            "for OneOf Input Object type 'BatchedMutation' not to be null."
        ],
    ),
    (
        "{ session(id: null) { id } }",
        {},
        ["Expected value of non-null type 'ID!' not to be null."],
    ),
    (
        "query ($id: ID!) { session(id: $id) { id } }",
        {"id": None},
        ["Variable '$id' has invalid value: Expected value of non-null type 'ID!' not to be null."],
    ),
]


@pytest.mark.parametrize(("document", "variables", "messages"), CASES)
async def test_it_says_what_is_wrong_and_where(
    caller: Caller, document: str, variables: dict[str, Any], messages: list[str]
) -> None:
    answer = await caller.ask(document, **variables)
    assert [error["message"] for error in answer.errors] == messages
    assert set(answer.codes) <= {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"}


async def test_a_long_number_in_a_document_is_not_said_again(caller: Caller) -> None:
    answer = await caller.ask(f"{{ sessions(first: 1{'0' * 5_000}) {{ totalCount }} }}")
    (error,) = answer.errors
    assert error["message"].startswith("Expected value of type 'Int', found: 1000")
    assert len(error["message"]) == 501


PYTHON = re.compile(
    r"\bNone\b|\bdict\b|\bstr\b|Maybe\[|<class|NoneType|\bobject at\b|set_int|isoformat|Traceback"
    r"|Exception|(?<!\.is)Error:"
)
BARE = re.compile(r"(?:Variable|Argument) \S+ has invalid value[^:]*")
"""A refusal without a reason."""
WRONG: list[Any] = [None, True, 1.5, -1, 10**30, [], {}, [[None]], {"x": None}, "WRONG", "", "🙂" * 10]


def known(_: str) -> str:
    return "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("root", ["Query", "Mutation"])
async def test_no_refusal_of_a_value_speaks_python(caller: Caller, root: str) -> None:
    seen: set[str] = set()
    for place in _each_kind(root):
        for value in WRONG:
            document, variables = place.request(value, known)
            answer = await caller.ask(document, **variables)
            seen |= {error["message"] for error in answer.errors}
            assert set(answer.codes) <= {"BAD_USER_INPUT"}, (place, value, answer.errors)
    assert [message for message in seen if PYTHON.search(message)] == []
    assert [
        message for message in seen if re.fullmatch(r"(Variable|Argument) \S+ has invalid value[^:]*", message)
    ] == []


def _each_kind(root: str) -> list[Place]:
    """One place of each scalar and enum, and of every depth."""
    scalars = ("String", "ID", "JSON", "DateTime", "Int", "Boolean", "WhenBusy", "Rating", "SessionOrder", "PageCursor")
    found = {(place.scalar, len(place.path)): place for place in places(root, scalars)}
    return list(found.values())
