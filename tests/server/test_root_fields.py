"""Every query, mutation and subscription: used by its owner, tried by a stranger, given garbage."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport

from resolvers.root import api
from tests.server.callers import Caller
from tests.server.conftest import Start
from tests.server.rows import fingerprint, is_quiet
from tests.server.served import Served, until
from tests.server.tokens import SECRET, token
from tests.server.uses import MUTATIONS, QUERIES, SUBSCRIPTIONS, Home, Use

USES = QUERIES | MUTATIONS
_EACH_FOR_ITSELF = ("applyBatch", "bulkUpdateSessions")
BY_ID = [name for name, use in USES.items() if use.ids - {"key"} and name not in _EACH_FOR_ITSELF]


@pytest.fixture(scope="module")
async def served(start: Start) -> AsyncIterator[Served]:
    # Its model is silent for an hour, and no lease is renewed meanwhile: nothing is written by itself.
    async with start(jwt_secret=SECRET, model_url="scripted:?tokens=1&interval=3600", lease=3600) as served:
        yield served


@pytest.fixture(scope="module")
async def ada(served: Served) -> AsyncIterator[Caller]:
    async with Caller.at(served.graphql, token("ada")) as caller:
        yield caller


@pytest.fixture(scope="module")
async def eve(served: Served) -> AsyncIterator[Caller]:
    """Somebody else."""
    async with Caller.at(served.graphql, token("eve")) as caller:
        await caller.get("{ viewer { id } }")  # the account is made now, so that nothing else is written later
        yield caller


@pytest.fixture
async def home(ada: Caller) -> Home:
    """What Ada has."""
    return await Home.of(ada)


@pytest.fixture(scope="module")
async def kept(ada: Caller) -> Home:
    """The same for tests that change nothing of it."""
    return await Home.of(ada)


@pytest.mark.parametrize(
    ("kind", "uses"), [("Query", QUERIES), ("Mutation", MUTATIONS), ("Subscription", SUBSCRIPTIONS)]
)
def test_no_root_field_is_left_out_here(kind: str, uses: dict[str, Use]) -> None:
    root = api._schema.get_type(kind)

    assert set(uses) == set(root.fields)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", QUERIES)
async def test_a_query_tells_its_owner(ada: Caller, home: Home, name: str) -> None:
    use = QUERIES[name]
    found = (await ada.get(use.document, **use.filled(home.ids)))[name]

    wanted = use.ids or {name.removesuffix("s")} & set(home.ids)
    assert all(home.ids[each] in json.dumps(found) for each in wanted), found


@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_mutation_works_for_its_owner(ada: Caller, home: Home, database: str, name: str) -> None:
    use = MUTATIONS[name]
    done = (await ada.get(use.document, **use.filled(home.ids)))[name]

    assert done["__typename"] == use.payload, done
    await until(lambda: is_quiet(database))


@pytest.mark.parametrize("name", QUERIES)
async def test_a_query_tells_a_stranger_nothing(ada: Caller, eve: Caller, kept: Home, name: str) -> None:
    use = QUERIES[name]
    answer = await eve.ask(use.document, **use.filled(kept.ids))

    assert (answer.status, answer.errors) == (200, [])
    assert [id_ for id_ in kept.private if id_ in json.dumps(answer.data)] == []
    assert "Mine alone" not in json.dumps(answer.data)
    assert answer.data[name] == nothing(name, answer.data[name])


@pytest.mark.parametrize("name", [name for name in MUTATIONS if name in BY_ID])
async def test_a_mutation_does_nothing_for_a_stranger(eve: Caller, kept: Home, database: str, name: str) -> None:
    before = await fingerprint(database)

    use = MUTATIONS[name]
    done = (await eve.get(use.document, **use.filled(kept.ids)))[name]

    assert done["__typename"] == "NotFound", done
    assert await fingerprint(database) == before


@pytest.mark.parametrize("name", BY_ID)
async def test_an_id_of_nothing_is_told_like_an_id_of_somebody_else(
    ada: Caller, eve: Caller, kept: Home, name: str
) -> None:
    use = USES[name]
    unknown = await ada.ask(use.document, **use.filled(kept.unknown()))
    if name == "agent":  # Ada's is everybody's
        assert unknown.data == {"agent": None}
        return

    theirs = await eve.ask(use.document, **use.filled(kept.ids))

    assert without_cursor(unknown.data) == without_cursor(theirs.data)
    assert (unknown.status, unknown.errors) == (theirs.status, theirs.errors) == (200, [])


@pytest.mark.parametrize("name", BY_ID)
async def test_what_is_no_id_is_refused_by_its_name(ada: Caller, kept: Home, database: str, name: str) -> None:
    before = await fingerprint(database)

    use = USES[name]
    answer = await ada.ask(use.document, **use.filled(kept.garbage()))

    assert answer.status == 200
    at_fault = use.names or "id"
    if name in MUTATIONS:
        assert answer.errors == []
        refusal = answer.data[name]
        assert (refusal["__typename"], refusal["field"]) == ("InvalidInput", at_fault)
        assert refusal["reason"] == f"`{at_fault}` is no id. Ids are UUIDs, such as the API gave you."
    else:
        assert answer.codes == ["BAD_USER_INPUT"] * len(answer.errors)
        assert {error["message"] for error in answer.errors} == {
            f"`{at_fault}` is no id. Ids are UUIDs, such as the API gave you."
        }
    assert await fingerprint(database) == before


async def test_one_id_that_is_none_harms_no_other(ada: Caller, home: Home) -> None:
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    run, session = home.ids["run"], home.ids["session"]

    answer = await ada.ask(document, ids=[run, "42", session, home.unknown()["run"], run])

    assert answer.data == {"nodes": [{"id": run}, None, {"id": session}, None, {"id": run}]}
    assert [(error["path"], error["extensions"]["code"]) for error in answer.errors] == [
        (["nodes", 1], "BAD_USER_INPUT")
    ]


async def test_too_many_ids_are_refused(ada: Caller, home: Home) -> None:
    answer = await ada.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[home.ids["run"]] * 101)

    assert (answer.data, answer.codes) == (None, ["BAD_USER_INPUT"])


@pytest.mark.parametrize(
    ("ids", "code"), [("ids", "NOT_FOUND"), ("unknown", "NOT_FOUND"), ("garbage", "BAD_USER_INPUT")]
)
@pytest.mark.parametrize("name", ["session", "liveMessage"])
async def test_a_stranger_cannot_follow(served: Served, home: Home, name: str, ids: str, code: str) -> None:
    given = {"ids": home.ids, "unknown": home.unknown(), "garbage": home.garbage()}[ids]
    use = SUBSCRIPTIONS[name]

    async with socket(served, "eve") as client:
        with pytest.raises(TransportQueryError) as refused:
            await anext(client.subscribe(document(use, given)))

    assert [error["extensions"]["code"] for error in refused.value.errors or []] == [code]


async def test_the_owner_can_follow_a_message(served: Served, home: Home) -> None:
    async with (
        socket(served, "ada") as client,
        aclosing(client.subscribe(document(SUBSCRIPTIONS["liveMessage"], home.ids))) as events,
    ):
        told = [event async for event in events]

    assert told == [{"liveMessage": {"id": home.ids["message"], "content": "Mine alone"}}]


async def test_the_owner_can_follow_a_session(served: Served, home: Home) -> None:
    async with (
        socket(served, "ada") as client,
        aclosing(client.subscribe(document(SUBSCRIPTIONS["session"], home.ids))) as events,
    ):
        first = await anext(events)

    assert first == {"session": {"__typename": "MessageChanged", "message": {"id": home.ids["message"]}}}


async def test_nobody_is_told_of_the_changes_of_somebody_else(served: Served, ada: Caller, eve: Caller) -> None:
    async with (
        socket(served, "eve") as client,
        aclosing(client.subscribe(document(SUBSCRIPTIONS["changes"], {}))) as events,
    ):
        assert await anext(events) == {"changes": {"__typename": "CaughtUp"}}
        create = "mutation ($name: String!) { createProject(input: {name: $name}) { __typename } }"
        await ada.get(create, name="Ada's")
        await eve.get(create, name="Eve's")
        told = await anext(events)

    assert told == {"changes": {"__typename": "ProjectChanged", "project": {"name": "Eve's"}}}


@pytest.mark.parametrize(
    ("whose", "status", "result"),
    [
        ("ids", "REJECTED", "NotFound"),
        ("unknown", "REJECTED", "NotFound"),
        ("garbage", "REJECTED", "InvalidInput"),
    ],
)
async def test_a_batch_does_nothing_for_a_stranger(
    ada: Caller, eve: Caller, home: Home, whose: str, status: str, result: str
) -> None:
    given = {"ids": home.ids, "unknown": home.unknown(), "garbage": home.garbage()}[whose]
    use = MUTATIONS["applyBatch"]

    done = (await eve.get(use.document, **use.filled(given)))["applyBatch"]

    assert [(each["status"], each["result"]["__typename"]) for each in done["receipts"]] == [(status, result)]
    assert (await ada.read(home.ids["session"]))["title"] == "Mine alone"


async def test_a_key_stops_only_what_its_owner_sent_with_it(
    ada: Caller, eve: Caller, home: Home, database: str
) -> None:
    key = home.ids["key"]
    sent = await ada.get(
        """mutation ($key: String!) { sendMessage(clientMutationId: $key, input: {text: "Well?"}) {
            ... on SendMessagePayload { run { id } } } }""",
        key=key,
    )
    run = sent["sendMessage"]["run"]
    use = MUTATIONS["cancelSend"]

    theirs = await eve.get(use.document, key=key)
    asked = await ada.get("query ($id: ID!) { run(id: $id) { cancelRequested } }", id=run["id"])
    mine = await ada.get(use.document, key=key)

    assert theirs == {"cancelSend": {"__typename": "CancelSendPayload", "run": None}}
    assert asked == {"run": {"cancelRequested": False}}
    assert mine == {"cancelSend": {"__typename": "CancelSendPayload", "run": run}}
    await until(lambda: is_quiet(database))


async def test_an_id_that_somebody_else_made_is_taken_and_tells_no_more(
    ada: Caller, eve: Caller, home: Home, database: str
) -> None:
    before = await fingerprint(database)

    project = await eve.get(
        """mutation ($id: ID!) { createProject(input: {id: $id, name: "Mine now"}) {
            __typename ... on IdTaken { field } } }""",
        id=home.ids["project"],
    )
    session = await eve.get(
        "mutation ($id: ID!) { createSession(input: {id: $id}) { __typename ... on IdTaken { field } } }",
        id=home.ids["session"],
    )
    message = await eve.get(
        """mutation ($id: ID!) { sendMessage(input: {id: $id, text: "Mine now"}) {
            __typename ... on IdTaken { field } } }""",
        id=home.ids["message"],
    )

    taken = {"__typename": "IdTaken", "field": "id"}
    assert [project["createProject"], session["createSession"], message["sendMessage"]] == [taken] * 3
    assert await fingerprint(database) == before


def nothing(name: str, found: Any) -> Any:
    """What a stranger is to find."""
    match name:
        case "viewer" | "agent" | "agents" | "models" | "projects":
            return found  # their own, or everybody's
        case "folders" | "templates":
            return []
        case "sessions" | "trash":
            return {**found, "totalCount": 0, "edges": []}
        case "nodes":
            return [None] * len(found)
        case _:
            return None


def without_cursor(data: Any) -> Any:
    """The data, of whosever account it is."""
    return {name: {**v, "cursor": ""} if isinstance(v, dict) and "cursor" in v else v for name, v in data.items()}


def socket(served: Served, subject: str) -> Client:
    """A WebSocket of somebody."""
    return Client(
        transport=WebsocketsTransport(
            url=served.socket,
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
            init_payload={"Authorization": f"Bearer {token(subject)}"},
        )
    )


def document(use: Use, ids: Any) -> Any:
    """A use as `gql` takes it."""
    request = gql(use.document)
    request.variable_values = dict(use.filled(ids))
    return request
