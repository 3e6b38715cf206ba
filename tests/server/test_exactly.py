"""What is taken is given back exactly: numbers, times, text. The rest is refused in words, at its place."""

import json
from typing import Any

import pytest

from tests.server.callers import Caller
from tests.server.uses import Home

SEND = """
    mutation ($input: SendMessageInput!) {
        sendMessage(input: $input) {
            ... on SendMessagePayload { message { id clientCreatedAt content } }
            ... on InvalidInput { reason }
        }
    }
"""
READ = """query ($id: ID!) {
    session(id: $id) { messages(first: 100) { edges { node { id clientCreatedAt content } } } }
}"""
CREATE = """
    mutation ($input: CreateProjectInput!) {
        createProject(input: $input) { ... on ProjectPayload { project { id } } ... on InvalidInput { reason } }
    }
"""

TIMES = {
    "0001-01-01T00:00:00Z": "0001-01-01T00:00:00+00:00",
    "0001-01-01T00:00:00.000001Z": "0001-01-01T00:00:00.000001+00:00",
    "0001-01-01T14:00:00+14:00": "0001-01-01T00:00:00+00:00",
    "9999-12-31T23:59:59.999999Z": "9999-12-31T23:59:59.999999+00:00",
    "9999-12-31T09:59:59.999999-14:00": "9999-12-31T23:59:59.999999+00:00",
    "1969-12-31T23:59:59.999999Z": "1969-12-31T23:59:59.999999+00:00",
    "1582-10-15T00:00:00.5+05:30": "1582-10-14T18:30:00.500000+00:00",
    "2025-01-31t12:00:00.123456789z": "2025-01-31T12:00:00.123456+00:00",
    "2025-01-31 12:00:00-00:00": "2025-01-31T12:00:00+00:00",
    "2024-02-29T00:00:00Z": "2024-02-29T00:00:00+00:00",
}
FORM = "Write a time as RFC 3339 does: `2025-01-31T12:00:00Z`, or `2025-01-31T14:00:00.5+02:00`."
NO_ZONE = "It has no time zone. Write `Z` behind it for UTC, or an offset such as `+02:00`."
NO_TIME = "There is no such day, time of day or offset. The last second of a day is 23:59:59."
TOO_FAR = "It is outside the years 0001 to 9999 in UTC."
NO_TIMES = {
    "0001-01-01T00:00:00+14:00": TOO_FAR,
    "9999-12-31T23:59:59.999999-14:00": TOO_FAR,
    "9999-12-31T23:59:59-00:01": TOO_FAR,
    "0000-12-31T23:59:59Z": NO_TIME,
    "10000-01-01T00:00:00Z": FORM,
    "-0001-01-01T00:00:00Z": FORM,
    "infinity": FORM,
    "now": FORM,
    "": FORM,
    "2025-01-31": FORM,
    "2025-01-31T12:00Z": FORM,
    "20250131T120000Z": FORM,
    "2025-01-31T12:00:00": NO_ZONE,
    "2025-01-31T12:00:00.5": NO_ZONE,
    "2016-12-31T23:59:60Z": NO_TIME,
    "2025-01-31T24:00:00Z": NO_TIME,
    "2025-02-29T00:00:00Z": NO_TIME,
    "2025-01-31T12:00:00+24:00": NO_TIME,
    "2025-01-31T12:00:00+0200": FORM,
    "2025-01-31T12:00:00Z\n": FORM,
    "２025-01-31T12:00:00Z": FORM,
}


@pytest.fixture(scope="module")
async def home(caller: Caller) -> Home:
    return await Home.of(caller)


async def test_every_time_that_is_taken_is_given_back_as_that_instant(caller: Caller, home: Home) -> None:
    written = {}
    for time, instant in TIMES.items():
        sent = await caller.get(
            SEND, input={"sessionId": home.ids["session"], "text": time, "clientCreatedAt": time, "reply": False}
        )
        assert sent["sendMessage"]["message"]["clientCreatedAt"] == instant
        written[sent["sendMessage"]["message"]["id"]] = instant
    read = (await caller.get(READ, id=home.ids["session"]))["session"]["messages"]["edges"]
    nodes = {edge["node"]["id"]: edge["node"]["clientCreatedAt"] for edge in read}
    assert written.items() <= nodes.items()


@pytest.mark.parametrize(("time", "reason"), NO_TIMES.items())
async def test_no_other_time_is_taken(caller: Caller, time: str, reason: str) -> None:
    answer = await caller.ask(SEND, input={"text": "Hi", "clientCreatedAt": time})
    assert [(error["message"], error["extensions"]["code"]) for error in answer.errors] == [
        (f"Variable '$input' has invalid value at .clientCreatedAt: {reason}", "BAD_USER_INPUT")
    ]
    literal = SEND.replace("($input: SendMessageInput!)", "").replace(
        "$input", f'{{text: "Hi", clientCreatedAt: {json.dumps(time, ensure_ascii=False)}}}'
    )
    answer = await caller.ask(literal)
    assert [(error["message"], error["extensions"]["code"]) for error in answer.errors] == [(reason, "BAD_USER_INPUT")]


VALUES: list[Any] = [
    18446744073709551615,
    -9223372036854775808,
    9007199254740993,
    1e22,
    1.7976931348623157e308,
    5e-324,
    0.1,
    100.0,
    [[[]]],
    {"": {"a b": None, "ü😀\\u0000": True}},
    "7" * 400,
]


@pytest.mark.parametrize("value", VALUES)
async def test_a_json_value_is_given_back_exactly(caller: Caller, home: Home, value: Any) -> None:
    made = await caller.get(CREATE, input={"name": "Numbers", "metadata": {"value": value}})
    id_ = made["createProject"]["project"]["id"]
    found = await caller.get("query ($id: ID!) { project(id: $id) { metadata } }", id=id_)
    assert found["project"]["metadata"] == {"value": value}
    for key in ("first", "second"):  # what is stored is read, and stored once more
        kept = await caller.get(
            """mutation ($id: ID!, $values: JSON!) {
                setSessionState(id: $id, values: $values) { ... on SessionPayload { session { state } } }
            }""",
            id=home.ids["session"],
            values={key: value},
        )
        assert kept["setSessionState"]["session"]["state"][key] == value


INTEGER = "is an integer beyond 64 bits. Send it as text."
LARGE = "is larger than a number can be (about 1.8e308). Send it as text."
REFUSED = {
    "18446744073709551616": f"The number at `list[0].n` {INTEGER}",
    "-9223372036854775809": f"The number at `list[0].n` {INTEGER}",
    "1" + "0" * 5_000: f"The number at `list[0].n` {LARGE}",
    "1e400": f"The number at `list[0].n` {LARGE}",
    "-1e400": f"The number at `list[0].n` {LARGE}",
    "[" * 98 + "]" * 98: "It is nested more than 100 levels deep.",
}


@pytest.mark.parametrize(("number", "reason"), REFUSED.items())
async def test_what_could_not_be_kept_exactly_is_refused_at_its_place(caller: Caller, number: str, reason: str) -> None:
    answer = await caller.ask_raw(
        f'{{"query": {json.dumps(CREATE)},'
        f' "variables": {{"input": {{"name": "x", "metadata": {{"list": [{{"n": {number}}}]}}}}}}}}'
    )
    assert [(error["message"], error["extensions"]["code"]) for error in answer.errors] == [
        (f"Variable '$input' has invalid value at .metadata: {reason}", "BAD_USER_INPUT")
    ]
    literal = (
        f'mutation {{ createProject(input: {{name: "x", metadata: {{list: [{{n: {number}}}]}}}}) {{ __typename }} }}'
    )
    answer = await caller.ask(literal)
    assert [(error["message"], error["extensions"]["code"]) for error in answer.errors] == [(reason, "BAD_USER_INPUT")]


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        (SEND, {"input": {"text": "cut \ud83d", "reply": False}}),
        (SEND.replace("($input: SendMessageInput!)", "").replace("$input", '{text: "cut \ud83d", reply: false}'), {}),
        (SEND.replace("($input: SendMessageInput!)", "").replace("$input", r'{text: "cut \ud83d", reply: false}'), {}),
        (
            SEND.replace("($input: SendMessageInput!)", "").replace("$input", '{text: """cut \ud83d""", reply: false}'),
            {},
        ),
    ],
)
async def test_half_an_emoji_is_stored_as_a_replacement_character(
    caller: Caller, document: str, variables: dict[str, Any]
) -> None:
    sent = await caller.get(document, **variables)
    assert sent["sendMessage"]["message"]["content"] == "cut \ufffd"
