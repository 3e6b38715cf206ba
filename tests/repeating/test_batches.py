"""A client's offline queue: applied entry by entry, repeatable as a whole, with a receipt for each entry."""

from typing import Any
from uuid import uuid4

from graphql import GraphQLInputObjectType, GraphQLObjectType

from chat.conversation import messages, sessions
from chat.conversation.sessions import NewSession
from chat.library import projects
from chat.scope import Scope
from db.listing import Filter
from db.models import RunStatus
from db.page import Span
from llm.scripted import ScriptedModel
from resolvers.root import api
from tests.repeating.asking import ask
from tests.sync.talk import has_status

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
    """4-25."""
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


ONLINE = {
    "applyBatch": "It is the batch.",
    "bulkUpdateSessions": "A batch has an entry for each session.",
    "summarizeSession": "Its caller waits for what a model writes.",
    "setTyping": "It is over after six seconds.",
    "cancelSend": "It is for a message whose answer did not come; one that waits in a queue is taken out of that.",
    "replyToMessage": "It asks for a reply to what is there now.",
    "retryRun": "It asks for a reply to what is there now.",
    "continueRun": "It asks for a reply to what is there now.",
    "editQueuedRun": "What was queued then has been answered.",
    "moveQueuedRun": "What was queued then has been answered.",
    "answerRun": "Who answers first counts; so what it says is to be known at once.",
    "startRun": "The run of an app has a lease, which ends while the app is away.",
    "appendToRun": "The run of an app has a lease, which ends while the app is away.",
    "awaitInput": "The run of an app has a lease, which ends while the app is away.",
    "finishRun": "The run of an app has a lease, which ends while the app is away.",
    "takeOverRun": "The run of an app has a lease, which ends while the app is away.",
}
"""Mutations that are not for a batch, and why."""


async def test_everything_that_is_done_by_hand_can_be_done_offline(scope: Scope) -> None:
    """4-21."""
    asked = await messages.send(scope, NewSession(title="Now"), "Who answers?")
    project, agent, template, outer, inner, session, other, fork, gone = (str(uuid4()) for _ in range(9))
    said, edited, note = (str(uuid4()) for _ in range(3))
    deletion = {"sessionId": session, "id": edited, "scope": "MESSAGE"}
    queue: tuple[dict[str, Any], ...] = (
        {"createProject": {"id": project, "name": "Trip"}},
        {"editProject": {"id": project, "name": "Journey"}},
        {"createAgent": {"id": agent, "name": "Guide"}},
        {"editAgent": {"id": agent, "description": "Knows the way"}},
        {"createTemplate": {"id": template, "name": "Day", "title": "A day"}},
        {"editTemplate": {"id": template, "title": "One day"}},
        {"createFolder": {"id": outer, "name": "Outer"}},
        {"createFolder": {"id": inner, "name": "Inner"}},
        {"editFolder": {"id": inner, "name": "Within"}},
        {"moveFolder": {"id": inner, "parentId": outer}},
        {"createSession": {"id": session, "projectId": project, "agentId": agent, "templateId": template}},
        {"createSession": {"id": other}},
        {"editSession": {"id": session, "folderId": inner, "pinned": True}},
        {"moveSession": {"id": session, "beforeId": other}},
        {"setSessionState": {"id": session, "values": {"step": 1}}},
        {"sendMessage": {"id": said, "sessionId": session, "text": "Where to?", "reply": False}},
        {"saveDraft": {"id": session, "text": "Maybe", "lastSentId": said}},
        {"editMessage": {"id": edited, "messageId": said, "text": "Where from?", "reply": False}},
        {"reviseMessage": {"id": edited, "text": "Whence?"}},
        {"setReaction": {"id": said, "emoji": "👍"}},
        {"setFeedback": {"id": said, "rating": "GOOD"}},
        {"annotateMessage": {"id": note, "messageId": said, "text": "Hm"}},
        {"removeAnnotation": {"messageId": said, "id": note}},
        {"setCompaction": {"id": said, "text": "In short"}},
        {"markUnread": session},
        {"markRead": {"id": session}},
        {"forkSession": {"id": fork, "sessionId": session, "messageId": said}},
        {"deleteMessages": deletion},
        {"restoreMessages": deletion},
        {"chooseBranch": {"id": session, "messageId": said}},
        {"clearSession": fork},
        {"restoreHistory": fork},
        {"deleteSession": other},
        {"restoreSession": other},
        {"createSession": {"id": gone}},
        {"purgeSession": gone},
        {"deleteFolder": outer},
        {"deleteTemplate": template},
        {"deleteAgent": agent},
        {"deleteProject": project},
        {"cancelRun": str(asked.run.id)},
    )
    assert statuses(await apply(scope, *queue)) == ["APPLIED"] * len(queue)
    assert statuses(await apply(scope, *queue)) == ["DUPLICATE"] * len(queue)
    await has_status(scope, asked.run.id, RunStatus.CANCELLED)
    taken, mutations = api._schema.get_type("BatchedMutation"), api._schema.mutation_type
    assert isinstance(taken, GraphQLInputObjectType)
    assert isinstance(mutations, GraphQLObjectType)
    assert {next(iter(each)) for each in queue} == set(taken.fields) == mutations.fields.keys() - ONLINE.keys()
    assert ONLINE.keys() <= mutations.fields.keys()
    seen = await ask(
        scope,
        """query ($session: ID!, $other: ID!) {
            session(id: $session) {
                title draft state unread folderId messageCount pinnedAt
                messages(last: 5) { edges { node {
                    content reactions { emoji } feedback { rating } annotations { id }
                } } }
            }
            other: session(id: $other) { deletedAt }
            sessions(orderBy: POSITION) { edges { node { id } } }
        }""",
        session=session,
        other=other,
    )
    ordered = [edge["node"]["id"] for edge in seen["sessions"]["edges"]]
    assert ordered.index(session) + 1 == ordered.index(other)
    assert seen["other"] == {"deletedAt": None}
    found = seen["session"]
    assert found.pop("pinnedAt")
    assert found == {
        "title": "One day",
        "draft": "Maybe",
        "state": {"step": 1},
        "unread": False,
        "folderId": inner,
        "messageCount": 2,
        "messages": {
            "edges": [
                {
                    "node": {
                        "content": "Where to?",
                        "reactions": [{"emoji": "👍"}],
                        "feedback": [{"rating": "GOOD"}],
                        "annotations": [],
                    }
                }
            ]
        },
    }


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
    """4-30."""
    session, _ = await sessions.create(scope, NewSession(title="Mine"))
    await sessions.edit(scope, session.id, title="Theirs")
    answer = await apply(scope, {"editSession": {"id": str(session.id), "title": "Late", "expectedVersion": 1}})
    assert statuses(answer) == ["CONFLICT"]
    assert answer["receipts"][0]["result"]["session"] == {"title": "Theirs"}


async def test_a_conflict_shows_what_there_is_of_every_kind(scope: Scope) -> None:
    made = {kind: str(uuid4()) for kind in ("Project", "Agent", "Template", "Folder")}
    await apply(scope, *({f"create{kind}": {"id": id, "name": "Mine"}} for kind, id in made.items()))
    said = await messages.post(scope, NewSession(), "Mine")
    late = [{f"edit{kind}": {"id": id, "name": "Late", "expectedVersion": 7}} for kind, id in made.items()]
    late.append({"reviseMessage": {"id": str(said.message.id), "text": "Late", "expectedVersion": 7}})
    numbered = [{"clientMutationId": str(uuid4()), "do": each} for each in late]
    answer = (await ask(scope, BATCH, operations=numbered))["applyBatch"]
    assert statuses(answer) == ["CONFLICT"] * 5
    assert [each["result"]["__typename"] for each in answer["receipts"]] == [
        *(f"{kind}Conflict" for kind in made),
        "MessageConflict",
    ]


async def test_what_needs_a_folder_or_a_message_that_was_refused_is_blocked(scope: Scope) -> None:
    session, _ = await sessions.create(scope, NewSession())
    folder, message = str(uuid4()), str(uuid4())
    answer = await apply(
        scope,
        {"createFolder": {"id": folder, "name": " "}},
        {"editSession": {"id": str(session.id), "folderId": folder}},
        {"moveFolder": {"id": folder}},
        {"sendMessage": {"id": message, "sessionId": str(session.id), "text": " "}},
        {"setReaction": {"id": message, "emoji": "👍"}},
        {"deleteMessages": {"sessionId": str(session.id), "id": message}},
        {"markRead": {"id": str(session.id)}},
    )
    assert statuses(answer) == ["REJECTED", "BLOCKED", "BLOCKED", "REJECTED", "BLOCKED", "BLOCKED", "APPLIED"]


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
    said = await messages.post(scope, NewSession(title="Mine"), "Hi")
    session, message = str(said.seen[0].id), str(said.message.id)
    answer = await apply(
        stranger,
        {"editSession": {"id": session, "title": "Theirs"}},
        {"markRead": {"id": session}},
        {"saveDraft": {"id": session, "text": "Theirs"}},
        {"moveSession": {"id": session}},
        {"setSessionState": {"id": session, "values": {"theirs": True}}},
        {"chooseBranch": {"id": session, "messageId": message}},
        {"forkSession": {"sessionId": session, "messageId": message}},
        {"clearSession": session},
        {"deleteSession": session},
        {"purgeSession": session},
        {"sendMessage": {"sessionId": session, "text": "Hi"}},
        {"editMessage": {"messageId": message, "text": "Theirs"}},
        {"reviseMessage": {"id": message, "text": "Theirs"}},
        {"deleteMessages": {"sessionId": session, "id": message}},
        {"setReaction": {"id": message, "emoji": "👎"}},
        {"annotateMessage": {"messageId": message, "text": "Theirs"}},
    )
    assert {receipt["result"]["__typename"] for receipt in answer["receipts"]} == {"NotFound"}
    seen = await sessions.get(scope, said.seen[0].id)
    assert seen is not None
    assert (seen[0].title, seen[0].message_count, seen[0].state, seen[0].version) == ("Mine", 1, {}, 1)
    (now,) = await messages.of_ids(scope, [said.message.id])
    assert now is not None
    assert (now.content, now.version, now.marks) == ("Hi", 1, said.message.marks)
