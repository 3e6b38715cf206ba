"""What cannot be used is refused with a reason, and nothing of it is written."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

import pytest
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport
from graphql import GraphQLUnionType

from resolvers.root import api
from tests.server.callers import Caller
from tests.server.rows import fingerprint
from tests.server.served import Served
from tests.server.uses import Home, Use

NOWHERE = str(uuid4())
OBJECT = 'It must be a JSON object, such as {"stage": "draft"}.'
BLANK = "It may not be blank."
NO_PARENT = "There is no such message in this session."
LONG = "It has at most 255 characters; this one has 256."
STAGE = {"name": "Draft", "status": "ACTIVE"}
DETAILS = {"InvalidInput": "field", "IdTaken": "field", "NotFound": "what"}


@pytest.fixture(scope="module")
async def home(caller: Caller) -> Home:
    return await Home.of(caller)


@pytest.fixture(scope="module")
async def ids(caller: Caller, home: Home) -> Mapping[str, str]:
    """Ids of what there is; `elsewhere` is a message of another session."""
    elsewhere = await Home.of(caller)
    await caller.get('mutation { createSession(input: {externalId: "here"}) { __typename } }')
    return {**home.ids, "elsewhere": elsewhere.ids["message"]}


def invalid(field: str, reason: str) -> dict[str, str]:
    return {"__typename": "InvalidInput", "field": field, "reason": reason}


def missing(what: str) -> dict[str, str]:
    return {"__typename": "NotFound", "what": what, "reason": f"There is no such {what}, or you may not see it."}


def taken(field: str) -> dict[str, str]:
    reason = "Another session of yours has this `externalId`. Use that session, or another name."
    return {"__typename": "IdTaken", "field": field, "reason": reason}


MESSAGES = [
    ({"text": ""}, invalid("text", "A message needs some text.")),
    ({"text": " \n\t\u00a0"}, invalid("text", "A message needs some text.")),
    ({"text": "x" * 200_001}, invalid("text", "A message has at most 200,000 characters; this one has 200,001.")),
    (
        {"sessionId": "$session", "newSession": {}},
        invalid("newSession", "Give `sessionId` or `newSession`, not both."),
    ),
    ({"sessionId": NOWHERE}, missing("session")),
    ({"sessionId": "$project"}, missing("session")),
    ({"newSession": {"projectId": NOWHERE}}, missing("project")),
    ({"newSession": {"projectId": "$session"}}, missing("project")),
    ({"newSession": {"agentId": NOWHERE}}, missing("agent")),
    ({"newSession": {"title": " "}}, invalid("title", BLANK)),
    ({"newSession": {"title": "x" * 256}}, invalid("title", LONG)),
    (
        {"newSession": {"externalId": ""}},
        invalid("externalId", "It has between 1 and 255 characters, and is not blank."),
    ),
    ({"newSession": {"metadata": 1}}, invalid("metadata", OBJECT)),
    ({"sessionId": "$session", "parentId": NOWHERE}, invalid("parentId", NO_PARENT)),
    ({"sessionId": "$session", "parentId": "$elsewhere"}, invalid("parentId", NO_PARENT)),
    ({"parentId": "$message"}, invalid("parentId", NO_PARENT)),
    ({"metadata": [1]}, invalid("metadata", OBJECT)),
    ({"metadata": []}, invalid("metadata", OBJECT)),
    ({"metadata": False}, invalid("metadata", OBJECT)),
    ({"metadata": "text"}, invalid("metadata", OBJECT)),
    (
        {"metadata": {"blob": "x" * 65_536}},
        invalid("metadata", "It has at most 65,536 bytes as JSON; this one has 65,547."),
    ),
    ({"metadata": {"a": "\0"}}, invalid("metadata", "It may not contain the character U+0000.")),
]

OTHERS = [
    ("createProject", {"name": ""}, invalid("name", BLANK)),
    ("createProject", {"name": "x" * 256}, invalid("name", LONG)),
    ("createProject", {"name": "A", "metadata": [1]}, invalid("metadata", OBJECT)),
    ("createProject", {"name": "A", "stages": [STAGE, STAGE | {"name": " "}]}, invalid("stages", BLANK)),
    ("createProject", {"name": "A", "stages": [STAGE | {"name": "x" * 256}]}, invalid("stages", LONG)),
    (
        "createProject",
        {"name": "A", "stages": [STAGE] * 51},
        invalid("stages", "A project has at most 50 stages. Make one of several."),
    ),
    ("editProject", {"id": "$project", "name": "New", "stages": [STAGE | {"name": ""}]}, invalid("stages", BLANK)),
    ("editProject", {"id": "$project", "name": " "}, invalid("name", BLANK)),
    ("editProject", {"id": "$project", "name": "New", "metadata": "text"}, invalid("metadata", OBJECT)),
    ("editProject", {"id": "$session", "name": "New"}, missing("project")),
    ("createSession", {"projectId": NOWHERE}, missing("project")),
    ("createSession", {"externalId": "here"}, taken("externalId")),
    (
        "createSession",
        {"externalId": "x" * 256},
        invalid("externalId", "It has between 1 and 255 characters, and is not blank."),
    ),
    ("editSession", {"id": "$session", "title": ""}, invalid("title", BLANK)),
    ("editSession", {"id": "$session", "title": "New", "projectId": NOWHERE}, missing("project")),
    ("editSession", {"id": "$session", "title": "New", "agentId": NOWHERE}, missing("agent")),
    ("editSession", {"id": "$project", "title": "New"}, missing("session")),
    (
        "createAgent",
        {"name": "A", "activeSessions": -1},
        invalid("activeSessions", "It is a number from 0 (no limit) to 10,000."),
    ),
]


@pytest.mark.parametrize(("input", "refusal"), MESSAGES)
async def test_a_message_is_refused_whole(
    caller: Caller, ids: Mapping[str, str], database: str, input: dict[str, Any], refusal: dict[str, str]
) -> None:
    before = await fingerprint(database)

    assert await changed(caller, ids, "sendMessage", {"text": "Hi", **input}) == refusal

    assert await fingerprint(database) == before


@pytest.mark.parametrize(("name", "input", "refusal"), OTHERS)
async def test_a_change_is_refused_whole(
    caller: Caller, ids: Mapping[str, str], database: str, name: str, input: dict[str, Any], refusal: dict[str, str]
) -> None:
    before = await fingerprint(database)

    assert await changed(caller, ids, name, input) == refusal

    assert await fingerprint(database) == before


@pytest.mark.parametrize(
    ("name", "input"),
    [
        ("sendMessage", {}),
        ("sendMessage", {"text": None}),
        ("sendMessage", {"text": 5}),
        ("sendMessage", {"text": "Hi", "txt": "Hi"}),
        ("sendMessage", {"text": "Hi", "clientCreatedAt": "yesterday"}),
        ("sendMessage", {"text": "Hi", "clientCreatedAt": 5}),
        ("sendMessage", {"text": "Hi", "newSession": {"title": {}}}),
        ("sendMessage", {"text": "Hi", "whenBusy": "WAIT"}),
        ("createProject", {"name": "A", "stages": [STAGE | {"status": "DONE"}]}),
        ("createProject", {"name": "A", "stages": [{"name": "Draft"}]}),
        ("createAgent", {"name": "A", "whenFull": "WAIT"}),
    ],
)
async def test_a_value_of_another_type_is_refused_before_anything_is_done(
    caller: Caller, database: str, name: str, input: dict[str, Any]
) -> None:
    before = await fingerprint(database)

    answer = await caller.ask(sending(name), input=input)

    assert (answer.data, answer.codes) == (None, ["BAD_USER_INPUT"])
    assert await fingerprint(database) == before


async def test_a_value_of_another_type_is_named_by_its_place(caller: Caller) -> None:
    """0-61."""
    answer = await caller.ask(
        sending("createProject"), input={"name": "A", "stages": [STAGE, STAGE | {"status": "DONE"}]}
    )

    assert [error["message"] for error in answer.errors] == [
        "Variable '$input' has invalid value at .stages[1].status: Value does not exist in 'StageStatus' enum."
    ]


@pytest.mark.parametrize("text", ["\ud800", "a\udfff", "nul\0nul"])
async def test_what_no_text_column_can_hold_is_left_out_or_refused(caller: Caller, text: str) -> None:
    for name, input in (("sendMessage", {"text": f"Hi {text}"}), ("createProject", {"name": f"Hi {text}"})):
        answer = await caller.ask(sending(name), input=input)

        assert "INTERNAL" not in answer.codes
        assert answer.status in {200, 400}


@pytest.mark.parametrize("after", ["garbage", "", "AQ", "x" * 1000])
@pytest.mark.parametrize("field", ["session(id: $id, after: $after)", "changes(after: $after)"])
async def test_a_subscription_after_no_cursor_is_refused(served: Served, home: Home, field: str, after: str) -> None:
    declared = "$id: ID!, $after: SyncCursor" if "$id" in field else "$after: SyncCursor"
    request = gql(f"subscription ({declared}) {{ {field} {{ __typename }} }}")
    request.variable_values = {"id": home.ids["session"], "after": after} if "$id" in field else {"after": after}

    async with Client(transport=transport(served)) as client:
        with pytest.raises(TransportQueryError) as refused:
            await anext(client.subscribe(request))

    assert [error["extensions"]["code"] for error in refused.value.errors or []] == ["BAD_USER_INPUT"]


async def test_a_subscription_after_a_cursor_of_another_session_begins_anew(
    served: Served, caller: Caller, ids: Mapping[str, str], home: Home
) -> None:
    elsewhere = await caller.get("query ($id: ID!) { message(id: $id) { sessionId } }", id=ids["elsewhere"])
    read = await caller.read(elsewhere["message"]["sessionId"])
    request = gql(
        """subscription ($id: ID!, $after: SyncCursor) { session(id: $id, after: $after) {
            __typename ... on Reset { reason } } }"""
    )
    request.variable_values = {"id": home.ids["session"], "after": read["cursor"]}

    async with Client(transport=transport(served)) as client:
        told = [event async for event in client.subscribe(request)]

    assert told == [{"session": {"__typename": "Reset", "reason": "BAD_CURSOR"}}]


def transport(served: Served) -> WebsocketsTransport:
    return WebsocketsTransport(url=served.socket, subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL])


def sending(name: str) -> str:
    """A mutation with an `input`, that asks for all details of a refusal."""
    type_ = f"{name[0].upper()}{name[1:]}"
    members = {member.name for member in cast("GraphQLUnionType", api._schema.get_type(f"{type_}Result")).types}
    details = " ".join(f"... on {kind} {{ {field} }}" for kind, field in DETAILS.items() if kind in members)
    return (
        f"mutation ($input: {type_}Input!) {{ {name}(input: $input) {{"
        f" __typename ... on UserError {{ reason }} {details} }} }}"
    )


async def changed(caller: Caller, ids: Mapping[str, str], name: str, input: Mapping[str, Any]) -> Any:
    """What a mutation answers, with ids filled in."""
    return (await caller.get(sending(name), **Use("", {"input": input}).filled(ids)))[name]
