"""Batches in which something fails that no rule foresaw: a receipt for each entry, whatever happens."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from chat.conversation import sessions
from chat.conversation.sessions import NewSession
from chat.library import projects
from chat.scope import Scope
from resolvers.root import api
from schema.context import Context
from server import failures

BATCH = """
    mutation ($operations: [BatchOperation!]!) {
        applyBatch(operations: $operations) {
            ... on InvalidInput { field reason }
            ... on ApplyBatchPayload {
                receipts {
                    status
                    result { __typename ... on UserError { reason } ... on Failed { code incident retriable } }
                }
            }
        }
    }
"""
BULK = """
    mutation ($input: BulkUpdateSessionsInput!, $key: String) {
        bulkUpdateSessions(input: $input, clientMutationId: $key) {
            ... on InvalidInput { field reason }
            ... on BulkUpdateSessionsPayload {
                receipts { session { title } refusal { __typename reason ... on Failed { code retriable } } }
            }
        }
    }
"""
KEY = "A key has between 1 and 255 characters, and no U+0000."
BROKEN = {"__typename": "Failed", "code": "INTERNAL", "retriable": False}
AWAY = {
    "__typename": "Failed",
    "reason": "The database does not answer just now. Try again shortly.",
    "code": "SERVICE_UNAVAILABLE",
    "incident": None,
    "retriable": True,
}
LATE = {
    "__typename": "Failed",
    "reason": "There was no time left for this. Send it again.",
    "code": "TIMED_OUT",
    "incident": None,
    "retriable": True,
}


@pytest.fixture
async def trouble(tables: str) -> AsyncIterator[asyncpg.Connection]:
    """A database in which names make trouble: `broken` raises, `away` breaks the connection, `slow` takes a minute."""
    connection = await asyncpg.connect(tables)
    await connection.execute("""
        CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        DECLARE name text := coalesce(to_jsonb(NEW) ->> 'name', to_jsonb(NEW) ->> 'title');
        BEGIN
            IF name = 'broken' THEN RAISE EXCEPTION 'nobody foresaw this'; END IF;
            IF name = 'away' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
            IF name = 'slow' THEN PERFORM pg_sleep(60); END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER trouble BEFORE INSERT ON projects FOR EACH ROW EXECUTE FUNCTION trouble();
        CREATE TRIGGER trouble BEFORE UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION trouble();
    """)
    yield connection
    await connection.execute("DROP FUNCTION trouble CASCADE")
    await connection.close()


async def asked(scope: Scope, document: str, *, patience: float = 20.0, **variables: Any) -> Any:
    """What the one field of a document answers as it is served."""
    context = Context(scope, explain=failures.failed, patience=patience)
    result = await api.execute(document, variable_values=variables, context_value=context)
    assert result.errors is None, result.errors
    assert result.data is not None
    (answer,) = result.data.values()
    return answer


async def apply(scope: Scope, *operations: dict[str, Any], patience: float = 20.0) -> list[Any]:
    numbered = [{"clientMutationId": f"k{number}", "do": each} for number, each in enumerate(operations)]
    receipts: list[Any] = (await asked(scope, BATCH, patience=patience, operations=numbered))["receipts"]
    return receipts


def statuses(receipts: list[Any]) -> list[str]:
    return [receipt["status"] for receipt in receipts]


def create(name: str, **more: str) -> dict[str, Any]:
    return {"createProject": {"name": name, **more}}


@pytest.mark.usefixtures("trouble")
async def test_an_entry_that_breaks_has_a_receipt_and_the_later_ones_are_done(scope: Scope) -> None:
    receipts = await apply(scope, create("one"), create("broken"), create("two"))
    assert statuses(receipts) == ["APPLIED", "FAILED", "APPLIED"]
    result = receipts[1]["result"]
    incident = result.pop("incident")
    assert result == BROKEN | {"reason": f"Something went wrong on our side. Incident {incident}."}
    assert await projects.count(scope) == 2


@pytest.mark.usefixtures("trouble")
async def test_what_needs_a_failed_entry_is_blocked(scope: Scope) -> None:
    project = str(uuid4())
    receipts = await apply(
        scope, create("broken", id=project), {"editProject": {"id": project, "name": "x"}}, create("two")
    )
    assert statuses(receipts) == ["FAILED", "BLOCKED", "APPLIED"]


@pytest.mark.usefixtures("trouble")
async def test_a_connection_that_breaks_costs_one_entry_which_may_be_sent_again(
    scope: Scope, trouble: asyncpg.Connection
) -> None:
    queue = create("one"), create("away"), create("two")
    receipts = await apply(scope, *queue)
    assert statuses(receipts) == ["APPLIED", "FAILED", "APPLIED"]
    assert receipts[1]["result"] == AWAY
    await trouble.execute("DROP TRIGGER trouble ON projects")
    assert statuses(await apply(scope, *queue)) == ["DUPLICATE", "APPLIED", "DUPLICATE"]
    assert await projects.count(scope) == 3


@pytest.mark.usefixtures("trouble")
async def test_nothing_overtakes_an_entry_that_is_to_be_sent_again(scope: Scope) -> None:
    session = str((await sessions.create(scope, NewSession(title="one")))[0].id)
    receipts = await apply(
        scope,
        {"editSession": {"id": session, "title": "away"}},
        {"editSession": {"id": session, "title": "later"}},
        create("two"),
        {"editSession": {"id": session, "title": "broken"}},
    )
    assert statuses(receipts) == ["FAILED", "BLOCKED", "APPLIED", "BLOCKED"]


async def test_what_there_is_no_time_for_has_a_receipt_and_is_done_when_it_is_sent_again(
    scope: Scope, trouble: asyncpg.Connection
) -> None:
    queue = create("one"), create("slow"), create("two")
    receipts = await apply(scope, *queue, patience=1.0)
    assert statuses(receipts) == ["APPLIED", "FAILED", "FAILED"]
    assert [each["result"] for each in receipts[1:]] == [LATE, LATE]
    await trouble.execute("DROP TRIGGER trouble ON projects")
    assert statuses(await apply(scope, *queue)) == ["DUPLICATE", "APPLIED", "APPLIED"]


async def test_a_batch_takes_less_time_than_an_operation_may() -> None:
    context = Context.__dataclass_fields__["patience"].default
    assert isinstance(context, float)
    assert context <= 30 * 2 / 3


@pytest.mark.parametrize(
    ("keys", "refusal"),
    [
        (["a", " "], {"field": "clientMutationId", "reason": f"Entry 1: {KEY}"}),
        (["a", "b\0"], {"field": "clientMutationId", "reason": f"Entry 1: {KEY}"}),
        (["a", "b", "a"], {"field": "operations", "reason": "Entries 0 and 2 have the same `clientMutationId`."}),
    ],
)
async def test_a_key_that_cannot_be_one_is_named_by_its_entry(
    scope: Scope, keys: list[str], refusal: dict[str, str]
) -> None:
    operations = [{"clientMutationId": key, "do": create("one")} for key in keys]
    assert await asked(scope, BATCH, operations=operations) == refusal
    assert await projects.count(scope) == 0


async def test_sessions_whose_change_fails_have_receipts_and_the_others_are_changed(
    scope: Scope, trouble: asyncpg.Connection
) -> None:
    project = await projects.create(scope, "Home")
    made = [(await sessions.create(scope, NewSession(title=each)))[0].id for each in ("one", "broken", "away", "two")]
    change = {"ids": list(map(str, made)), "projectId": str(project.id)}
    receipts = (await asked(scope, BULK, input=change, key="k"))["receipts"]
    assert [each["session"]["title"] for each in receipts] == ["one", "broken", "away", "two"]
    assert [each["refusal"] and each["refusal"]["code"] for each in receipts] == [
        None,
        "INTERNAL",
        "SERVICE_UNAVAILABLE",
        None,
    ]
    await trouble.execute("DROP TRIGGER trouble ON sessions")
    receipts = (await asked(scope, BULK, input=change, key="k"))["receipts"]
    assert [each["refusal"] for each in receipts] == [None] * 4


@pytest.mark.usefixtures("trouble")
async def test_sessions_that_there_is_no_time_for_have_receipts(scope: Scope) -> None:
    project = await projects.create(scope, "Home")
    made = [(await sessions.create(scope, NewSession(title=each)))[0].id for each in ("one", "slow", "two")]
    change = {"ids": list(map(str, made)), "projectId": str(project.id)}
    receipts = (await asked(scope, BULK, input=change, patience=1.0))["receipts"]
    assert [each["refusal"] and each["refusal"]["code"] for each in receipts] == [None, "TIMED_OUT", "TIMED_OUT"]


async def test_an_id_that_cannot_be_one_is_named_by_its_place(scope: Scope) -> None:
    refusal = {"field": "ids[1]", "reason": "`ids[1]` is no id. Ids are UUIDs, such as the API gave you."}
    assert await asked(scope, BULK, input={"ids": [str(uuid4()), "x"], "read": True}) == refusal
