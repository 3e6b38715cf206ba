"""Every id that the API takes: one that is not the caller's is like one of nothing, and none is given twice."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from tests.server import arguments
from tests.server.arguments import CALLS, READS, Call
from tests.server.callers import Caller
from tests.server.conftest import Start
from tests.server.rows import fingerprint, is_quiet
from tests.server.served import Served, until
from tests.server.tokens import SECRET, token
from tests.server.uses import SUBSCRIPTIONS, Home

_ID = str(uuid4())

MALFORMED = [
    "",
    "42",
    42,
    "null",
    _ID[:-1],
    f"{_ID}0",
    f" {_ID}",
    f"{_ID}\n",
    f"{{{_ID}}}",
    f"urn:uuid:{_ID}",
    _ID.replace("-", ""),
    _ID.replace("-", "_"),
    f"{_ID[:-1]}g",
    f"{_ID[:-1]}\u0663",  # a digit elsewhere
    f"{_ID[:-1]}\0",
    "0" * 100_000,
]

BATCH = """mutation ($operations: [BatchOperation!]!) { applyBatch(operations: $operations) {
    __typename ... on ApplyBatchPayload { receipts {
        status result { __typename ... on UserError { reason } ... on InvalidInput { field } } } } } }"""


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
async def eves(served: Served) -> Home:
    """What somebody else has."""
    async with Caller.at(served.graphql, token("eve")) as caller:
        return await Home.of(caller)


@pytest.fixture(scope="module")
async def buried(ada: Caller, database: str) -> Home:
    """What Ada had."""
    buried = await Home.of(ada)
    await buried.bury(ada)
    await until(lambda: is_quiet(database))
    return buried


@pytest.fixture
async def home(ada: Caller) -> Home:
    """What Ada has."""
    return await Home.of(ada)


@pytest.fixture(scope="module")
async def kept(ada: Caller) -> Home:
    """The same for tests that change nothing of it: its session has an agent of hers, and is in a folder of hers."""
    kept = await Home.of(ada)
    given = {"id": kept.ids["session"], "agentId": kept.ids["helper"], "folderId": kept.ids["folder"]}
    assert await ada.change("editSession", **given) == "SessionPayload"
    return kept


def test_there_is_a_call_for_every_id() -> None:
    named = {path for call in CALLS for path in call.paths}

    assert arguments.of_mutations(made=False) - arguments.PROVIDERS - arguments.UNKNOWN == named
    assert arguments.of_reads() == set(READS)
    assert arguments.of_subscriptions() - arguments.UNKNOWN == {
        f"{name}.id" for name, use in SUBSCRIPTIONS.items() if use.ids
    }


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_a_mutation_answers_to_an_id_of_somebody_else_as_if_there_were_nothing(
    ada: Caller, home: Home, eves: Home, buried: Home, database: str, call: Call
) -> None:
    if call.first is not None:
        name, given = call.first
        first = Call(name, given)
        await ada.get(first.document, **first.filled(home.ids))
    await until(lambda: is_quiet(database))
    before = await _rows(database, call)

    for path, named in call.paths.items():
        absent = call.absent.get(path, "NotFound")
        nothing = await _answer(ada, call, home, path, str(uuid4()))
        assert nothing[call.name]["__typename"] == absent, path
        for one in (eves, buried):
            assert await _answer(ada, call, home, path, one.ids[named]) == nothing, (path, one is eves)
        if absent == "BulkUpdateSessionsPayload":
            assert nothing[call.name]["receipts"] == [{"refusal": {"__typename": "NotFound"}}]
    assert await _rows(database, call) == before

    done = await ada.get(call.document, **call.filled(home.ids))
    assert done[call.name]["__typename"] == call.payload, done
    assert all(receipt["refusal"] is None for receipt in done[call.name].get("receipts", ()))
    await until(lambda: is_quiet(database))


@pytest.mark.parametrize("call", [call for call in CALLS if call.is_batched and call.paths], ids=str)
async def test_an_entry_of_a_batch_answers_as_if_there_were_nothing(
    ada: Caller, kept: Home, eves: Home, buried: Home, database: str, call: Call
) -> None:
    before = await _rows(database, call)

    for path, named in call.paths.items():
        nothing = await _entry(ada, call, kept, path, str(uuid4()))
        assert nothing["result"]["__typename"] == call.absent.get(path, "NotFound"), path
        for one in (eves, buried):
            assert await _entry(ada, call, kept, path, one.ids[named]) == nothing, (path, one is eves)
    after = await _rows(database, call)
    assert {**after, "receipts": ()} == {**before, "receipts": ()}


@pytest.mark.parametrize("path", READS)
async def test_a_query_answers_to_an_id_of_somebody_else_as_if_there_were_nothing(
    ada: Caller, kept: Home, eves: Home, buried: Home, path: str
) -> None:
    query, named = READS[path]
    session = kept.ids["session"] if "$session" in query else None

    async def answer(id: str) -> tuple[str, list[str]]:
        found = await ada.ask(query, session=session, id=id)
        return json.dumps(found.data), [error["message"] for error in found.errors]

    mine, nothing = await answer(kept.ids[named]), await answer(str(uuid4()))

    assert [await answer(one.ids[named]) for one in (eves, buried)] == [nothing, nothing]
    assert nothing != mine
    assert mine[1] == []


@pytest.mark.parametrize("call", [call for call in CALLS if call.paths], ids=str)
async def test_a_mutation_says_which_id_is_none(ada: Caller, kept: Home, database: str, call: Call) -> None:
    before = await fingerprint(database)

    for path in call.paths:
        at_fault = path.removeprefix(f"{call.name}.").removeprefix("input.")
        at_fault = "ids[0]" if at_fault == "ids" else at_fault
        refused = {
            "__typename": "InvalidInput",
            "field": at_fault,
            "reason": f"`{at_fault}` is no id. Ids are UUIDs, such as the API gave you.",
        }
        for id in MALFORMED:
            done = await ada.get(call.document, **call.filled(kept.ids, path, id))
            assert done[call.name] == refused, id
    assert await fingerprint(database) == before


@pytest.mark.parametrize("path", READS)
async def test_a_query_says_which_id_is_none(ada: Caller, kept: Home, path: str) -> None:
    query, _ = READS[path]
    session = kept.ids["session"] if "$session" in query else None
    for id in MALFORMED:
        found = await ada.ask(query, session=session, id=id)
        assert (found.status, set(found.codes)) == (200, {"BAD_USER_INPUT"}), id
        assert "is no id. Ids are UUIDs, such as the API gave you." in found.errors[0]["message"]


async def test_an_id_in_upper_case_is_the_same(ada: Caller, kept: Home) -> None:
    session, query = kept.ids["session"], "query ($id: ID!) { session(id: $id) { id } }"
    made = str(uuid4())
    lost = [
        {"createFolder": {"id": made.upper(), "name": "Lost", "parentId": str(uuid4())}},
        {"editFolder": {"id": made, "name": "Lost, too"}},
    ]

    found = await ada.get(query, id=session.upper())
    done = await ada.get(BATCH, operations=[{"clientMutationId": str(uuid4()), "do": each} for each in lost])

    assert found == {"session": {"id": session}}
    assert [each["status"] for each in done["applyBatch"]["receipts"]] == ["REJECTED", "BLOCKED"]


KINDS = ("project", "helper", "folder", "template", "session", "trash", "message", "run", "annotation", "account")
"""What has an id of its own."""

_AGAIN = {
    ("createProject.input.id", "project"): "ProjectPayload",
    ("createAgent.input.id", "helper"): "AgentPayload",
    ("createFolder.input.id", "folder"): "FolderPayload",
    ("createTemplate.input.id", "template"): "TemplatePayload",
    ("createSession.input.id", "session"): "SessionPayload",
    ("createSession.input.id", "trash"): "NotFound",
    ("sendMessage.input.newSession.id", "session"): "SendMessagePayload",
    ("sendMessage.input.newSession.id", "trash"): "NotFound",
    ("sendMessage.input.id", "message"): "SendMessagePayload",
    ("annotateMessage.input.id", "annotation"): "MessagePayload",
    ("startRun.input.id", "run"): "HeldRunPayload",
}
"""Whose id makes a creation a repetition of the one that made that thing; or of one whose thing was deleted since."""


@pytest.mark.parametrize("path", sorted(arguments.of_mutations(made=True)))
async def test_an_id_that_something_else_has_is_taken(
    ada: Caller, home: Home, eves: Home, database: str, path: str
) -> None:
    shared, others = {"agent": home.ids["agent"]}, {"second": home.ids["second"], "over": home.ids["over"]}
    mine = {kind: home.ids[kind] for kind in KINDS if (path, kind) not in _AGAIN} | shared | others
    if path in ("createSession.input.id", "sendMessage.input.newSession.id"):
        del mine["second"]  # a session of hers, as the first is
    theirs = {f"Eve's {kind}": eves.ids[kind] for kind in KINDS}
    await until(lambda: is_quiet(database))
    before = await fingerprint(database)

    said = {kind: await _made(ada, home, path, id) for kind, id in (mine | theirs).items()}

    taken = {"__typename": "IdTaken", "taken": _below(path)}
    assert said == dict.fromkeys(mine | theirs, taken)
    assert await fingerprint(database) == before


@pytest.mark.parametrize("path", sorted(arguments.of_mutations(made=True)))
async def test_an_id_that_nothing_has_is_taken_once_and_given_again(ada: Caller, home: Home, path: str) -> None:
    free = str(uuid4())
    payload = _creation(path).payload

    assert [(await _made(ada, home, path, free))["__typename"] for _ in range(2)] == [payload, payload]
    if path in ("createProject.input.id", "createFolder.input.id"):
        other = {"createProject": "createFolder", "createFolder": "createProject"}[path.partition(".")[0]]
        assert await ada.change(other, id=free, name="Other") == "IdTaken"


@pytest.mark.parametrize(("path", "kind"), _AGAIN)
async def test_the_same_creation_again_is_answered_with_what_it_made(
    ada: Caller, home: Home, path: str, kind: str
) -> None:
    assert (await _made(ada, home, path, home.ids[kind]))["__typename"] == _AGAIN[path, kind]


async def test_a_message_cannot_have_the_id_of_its_new_session(ada: Caller, kept: Home, database: str) -> None:
    before, id = await fingerprint(database), str(uuid4())

    given = {"text": "Hi", "reply": False, "id": id, "newSession": {"id": id}}

    assert await ada.change("sendMessage", **given) == "IdTaken"
    assert await fingerprint(database) == before


async def test_a_message_said_otherwise_cannot_have_the_id_of_the_first(ada: Caller, kept: Home) -> None:
    message = kept.ids["message"]

    assert await ada.change("editMessage", messageId=message, id=message, text="Otherwise") == "IdTaken"


async def _answer(caller: Caller, call: Call, home: Home, path: str, id: str) -> Any:
    """What a call says with another id at a path, which it does not repeat."""
    return json.loads(json.dumps(await caller.get(call.document, **call.filled(home.ids, path, id))).replace(id, "ID"))


async def _entry(caller: Caller, call: Call, home: Home, path: str, id: str) -> Any:
    """The receipt of the same as an entry of a batch."""
    entry = {"clientMutationId": str(uuid4()), "do": call.entry(call.filled(home.ids, path, id))}
    return (await caller.get(BATCH, operations=[entry]))["applyBatch"]["receipts"][0]


async def _rows(database: str, call: Call) -> dict[str, object]:
    """What is stored; but for sessions, if the call locks its own where nothing is to be done."""
    return {**await fingerprint(database), **({"sessions": ()} if "MessagePayload" in call.absent.values() else {})}


def _below(path: str) -> str:
    return path.partition(".input.")[2]


def _creation(path: str) -> Call:
    """A call in which there is room for an id of the client's making."""
    name, within = path.partition(".")[0], "newSession" in path
    return next(call for call in CALLS if call.name == name and ("newSession" in call.given["input"]) is within)


async def _made(caller: Caller, home: Home, path: str, id: str) -> Any:
    """What a creation with this id says."""
    call = _creation(path)
    given: Mapping[str, Any] = call.filled(home.ids)["input"]
    within = {"newSession": {**given["newSession"], "id": id}} if "newSession" in path else {"id": id}
    done = (await caller.get(call.document, input={**given, **within}))[call.name]
    return {name: said for name, said in done.items() if name in ("__typename", "taken")}
