"""A client's offline queue: applied entry by entry, repeatable as a whole, with a receipt for each entry."""

from typing import Any
from uuid import uuid4

from chat import messages, projects, sessions
from chat.scope import Scope
from chat.sessions import NewSession
from db.listing import Filter
from db.page import Span
from llm.scripted import ScriptedModel
from tests.repeating.asking import ask

BATCH = """
    mutation ($operations: [BatchOperation!]!) {
        applyBatch(operations: $operations) {
            ... on InvalidInput { field reason }
            ... on ApplyBatchPayload {
                receipts {
                    clientMutationId
                    status
                    result {
                        __typename
                        ... on UserError { reason }
                        ... on SessionConflict { session { title } }
                        ... on SendMessagePayload { message { id parentId } }
                    }
                }
            }
        }
    }
"""


async def apply(scope: Scope, *operations: dict[str, Any]) -> dict[str, Any]:
    numbered = [{"clientMutationId": f"k{index}", "do": each} for index, each in enumerate(operations)]
    answer: dict[str, Any] = (await ask(scope, BATCH, operations=numbered))["applyBatch"]
    return answer


def statuses(answer: dict[str, Any]) -> list[str]:
    return [receipt["status"] for receipt in answer["receipts"]]


async def test_a_queue_is_applied_in_order_and_can_be_sent_again(scope: Scope) -> None:
    project, session, message = (str(uuid4()) for _ in range(3))
    queue = (
        {"createProject": {"id": project, "name": "Trip"}},
        {"createSession": {"id": session, "projectId": project, "title": "Plans"}},
        {"sendMessage": {"id": message, "sessionId": session, "text": "Where to?", "reply": False}},
        {"editSession": {"id": session, "title": "Plans!"}},
    )
    assert statuses(await apply(scope, *queue)) == ["APPLIED"] * 4
    assert statuses(await apply(scope, *queue)) == ["DUPLICATE"] * 4
    assert (await projects.count(scope), await sessions.count(scope, Filter())) == (1, 1)


async def test_what_needs_something_that_was_refused_is_blocked_and_the_rest_goes_on(scope: Scope) -> None:
    session, message = str(uuid4()), str(uuid4())
    answer = await apply(
        scope,
        {"createSession": {"id": session, "title": " "}},
        {"sendMessage": {"id": message, "sessionId": session, "text": "Lost"}},
        {"sendMessage": {"sessionId": str(uuid4()), "parentId": message, "text": "Lost, too"}},
        {"createProject": {"name": "Unharmed"}},
    )
    assert statuses(answer) == ["REJECTED", "BLOCKED", "BLOCKED", "APPLIED"]
    assert [receipt["result"] and receipt["result"]["__typename"] for receipt in answer["receipts"]] == [
        "InvalidInput",
        None,
        None,
        "ProjectPayload",
    ]
    assert await sessions.count(scope, Filter()) == 0


async def test_a_message_written_offline_keeps_its_parent_and_becomes_a_branch(
    scope: Scope, model: ScriptedModel
) -> None:
    first = await messages.send(scope, NewSession(title="Trip"), "Where to?")
    await model.say("Rome", end=True)
    moved_on = await messages.post(scope, first.seen[0].id, "And then?")
    answer = await apply(
        scope,
        {
            "sendMessage": {
                "sessionId": str(first.seen[0].id),
                "parentId": str(first.reply.id),
                "text": "Said on a train",
                "reply": False,
            }
        },
    )
    assert answer["receipts"][0]["result"]["message"]["parentId"] == str(first.reply.id)
    page, _ = await messages.page(scope, first.seen[0].id, Span(10))
    assert [row.content for row in page.rows][-1] == "Said on a train"
    (other,) = await messages.of_ids(scope, [moved_on.message.id])
    assert other is not None
    assert other.content == "And then?"


async def test_an_edit_of_what_someone_else_has_edited_is_a_conflict(scope: Scope) -> None:
    session, _ = await sessions.create(scope, NewSession(title="Mine"))
    await sessions.edit(scope, session.id, title="Theirs")
    answer = await apply(scope, {"editSession": {"id": str(session.id), "title": "Late", "expectedVersion": 1}})
    assert statuses(answer) == ["CONFLICT"]
    assert answer["receipts"][0]["result"]["session"] == {"title": "Theirs"}


async def test_a_key_counts_in_a_batch_as_it_does_alone(scope: Scope) -> None:
    created = await ask(
        scope,
        'mutation { createProject(input: {name: "One"}, clientMutationId: "k0") { __typename } }',
    )
    assert created["createProject"] == {"__typename": "ProjectPayload"}
    assert statuses(await apply(scope, {"createProject": {"name": "One"}})) == ["DUPLICATE"]


async def test_a_batch_that_makes_no_sense_is_refused_whole(scope: Scope) -> None:
    twice = [{"clientMutationId": "same", "do": {"createProject": {"name": "x"}}}] * 2
    answer = await ask(scope, BATCH, operations=twice)
    assert answer["applyBatch"]["field"] == "operations"
    many = [{"clientMutationId": str(n), "do": {"createProject": {"name": "x"}}} for n in range(101)]
    assert (await ask(scope, BATCH, operations=many))["applyBatch"]["field"] == "operations"
    assert await projects.count(scope) == 0


async def test_a_stranger_changes_nothing_by_a_batch(scope: Scope, stranger: Scope) -> None:
    session, _ = await sessions.create(scope, NewSession(title="Mine"))
    id = str(session.id)
    answer = await apply(
        stranger,
        {"editSession": {"id": id, "title": "Theirs"}},
        {"deleteSession": id},
        {"sendMessage": {"sessionId": id, "text": "Hi"}},
    )
    assert [receipt["result"]["__typename"] for receipt in answer["receipts"]] == ["NotFound"] * 3
    seen = await sessions.get(scope, session.id)
    assert seen is not None
    assert (seen[0].title, seen[0].message_count) == ("Mine", 0)
