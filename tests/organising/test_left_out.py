"""What an edit leaves out stays, and what it sets to null is taken away, where there may be nothing: every edit."""

from typing import Any
from uuid import uuid4

import pytest

from chat.conversation import messages
from chat.conversation.sessions import NewSession
from chat.library import folders
from chat.scope import Scope
from tests.repeating.asking import ask
from tests.server.uses import REFUSALS

AGENT = "name description instructions provider model parameters metadata activeSessions whenFull"
KINDS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "Project": (
        "name metadata stages { name }",
        {"name": "P", "metadata": {"a": 1}, "stages": [{"name": "Draft", "status": "ACTIVE"}]},
        {"metadata": {}, "stages": []},
    ),
    "Agent": (
        f"{AGENT} limits {{ messagesPerMinute }}",
        {
            "name": "A",
            "description": "D",
            "instructions": "I",
            "provider": "scripted",
            "model": "M",
            "parameters": {"temperature": 1},
            "metadata": {"a": 1},
            "activeSessions": 3,
            "whenFull": "ARCHIVE_OLDEST",
            "limits": {"messagesPerMinute": 7},
        },
        {
            "description": None,
            "instructions": None,
            "provider": None,
            "model": None,
            "parameters": {},
            "metadata": {},
            "activeSessions": None,
            "limits": {"messagesPerMinute": None},
        },
    ),
    "Template": (
        "name description title instructions messages { text } begins metadata",
        {
            "name": "T",
            "description": "D",
            "title": "Title",
            "instructions": "I",
            "messages": [{"role": "USER", "text": "Hi"}],
            "metadata": {"a": 1},
        },
        {"description": None, "title": None, "instructions": None, "messages": [], "metadata": {}},
    ),
}
"""Of each kind: what is read, what it is made with, and what of it may be taken away, with what is there then."""


async def made(scope: Scope, kind: str) -> dict[str, Any]:
    read, given, _ = KINDS[kind]
    return await done(scope, f"create{kind}", kind.lower(), read, given)


async def done(scope: Scope, mutation: str, field: str, read: str, given: dict[str, Any]) -> dict[str, Any]:
    """What a mutation has left of its object, with its id."""
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    document = f"""mutation ($input: {kind}!) {{ {mutation}(input: $input) {{
        {REFUSALS} ... on {field.title()}Payload {{ {field} {{ id {read} }} }} }} }}"""
    found: dict[str, Any] = (await ask(scope, document, input=given))[mutation][field]
    return found


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_left_out_stays_and_null_takes_one_thing_away(scope: Scope, kind: str) -> None:
    read, _, empty = KINDS[kind]
    known = await made(scope, kind)
    edit = f"edit{kind}", kind.lower(), read
    assert await done(scope, *edit, {"id": known["id"]}) == known
    assert await done(scope, *edit, {"id": known["id"], "name": None}) == known, "There is always a name."
    for field, nothing in empty.items():
        known |= {field: nothing}
        assert await done(scope, *edit, {"id": known["id"], field: None}) == known


async def test_of_a_session_too(scope: Scope) -> None:
    folder, project = await folders.create(scope, "Work"), await made(scope, "Project")
    said = await messages.post(scope, NewSession(), "Hello")
    id, read = str(said.message.session_id), "title metadata summary { text } folderId tags project { id } pinnedAt"
    known = await done(
        scope,
        "editSession",
        "session",
        read,
        {
            "id": id,
            "title": "Talk",
            "metadata": {"a": 1},
            "summary": "Short",
            "folderId": str(folder.id),
            "tags": ["x"],
            "projectId": project["id"],
            "pinned": True,
        },
    )
    assert await done(scope, "editSession", "session", read, {"id": id}) == known
    assert await done(scope, "editSession", "session", read, {"id": id, "title": None, "pinned": None}) == known
    empty: dict[str, Any] = {"metadata": {}, "summary": None, "folderId": None, "tags": []}
    for field, nothing in empty.items():
        known |= {field: nothing}
        assert await done(scope, "editSession", "session", read, {"id": id, field: None}) == known
    known |= {"project": None}
    assert await done(scope, "editSession", "session", read, {"id": id, "projectId": None}) == known


async def test_of_a_message_too(scope: Scope) -> None:
    said = (await messages.post(scope, NewSession(), "Hello", metadata={"a": 1})).message
    id = str(said.id)
    edits: dict[str, dict[str, Any]] = {
        "reviseMessage": {"id": id, "text": "Hi"},
        "editMessage": {"messageId": id, "text": "Hi", "reply": False},
    }
    for mutation, given in edits.items():
        payload = "MessagePayload" if mutation == "reviseMessage" else "SendMessagePayload"
        document = f"""mutation ($input: {mutation[0].upper()}{mutation[1:]}Input!) {{ {mutation}(input: $input) {{
            ... on {payload} {{ message {{ content metadata }} }} }} }}"""
        for more, metadata in (({}, {"a": 1}), ({"metadata": None}, {})):
            found = (await ask(scope, document, input=given | more))[mutation]["message"]
            assert found == {"content": "Hi", "metadata": metadata}
        await ask(scope, REVISE, id=id)


REVISE = "mutation ($id: ID!) { reviseMessage(input: { id: $id, metadata: { a: 1 } }) { __typename } }"


async def test_of_feedback_too(scope: Scope) -> None:
    """Also where a variable is declared and has no value."""
    id = str((await messages.post(scope, NewSession(), "Hello")).message.id)
    document = """
        mutation ($id: ID!, $rating: Rating, $comment: String) {
            setFeedback(id: $id, rating: $rating, comment: $comment) {
                ... on MessagePayload { message { feedback { rating comment } } }
            }
        }
    """
    steps: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        ({"rating": "BAD", "comment": "Hm"}, [{"rating": "BAD", "comment": "Hm"}]),
        ({"rating": "GOOD"}, [{"rating": "GOOD", "comment": "Hm"}]),
        ({"comment": "Well"}, [{"rating": "GOOD", "comment": "Well"}]),
        ({}, [{"rating": "GOOD", "comment": "Well"}]),
        ({"comment": None}, [{"rating": "GOOD", "comment": None}]),
        ({"rating": None}, []),
    ]
    for said, left in steps:
        found = await ask(scope, document, id=id, **said)
        assert found["setFeedback"]["message"]["feedback"] == left


async def test_an_annotation_is_about_what_it_was_about(scope: Scope) -> None:
    message, note = (await messages.post(scope, NewSession(), "Hello")).message, str(uuid4())
    document = """mutation ($input: AnnotateInput!) { annotateMessage(input: $input) {
        ... on MessagePayload { message { annotations { text range { start end } } } } } }"""
    base = {"id": note, "messageId": str(message.id)}
    steps: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"text": "A", "range": {"part": 0, "start": 1, "end": 3}}, {"text": "A", "range": {"start": 1, "end": 3}}),
        ({"text": "B"}, {"text": "B", "range": {"start": 1, "end": 3}}),
        ({"text": "B", "range": None}, {"text": "B", "range": None}),
    ]
    for said, left in steps:
        found = await ask(scope, document, input=base | said)
        assert found["annotateMessage"]["message"]["annotations"] == [left]


async def test_a_folder_that_is_moved_within_its_parent_stays_there(scope: Scope) -> None:
    outer = await folders.create(scope, "Outer")
    first, second = [await folders.create(scope, name, parent_id=outer.id) for name in ("First", "Second")]
    moved = "mutation ($id: ID!, $to: ID, $before: ID) { moveFolder(id: $id, parentId: $to, beforeId: $before) {"
    document = f"{moved} ... on FolderPayload {{ folder {{ parentId position }} }} }} }}"
    found = (await ask(scope, document, id=str(second.id), before=str(first.id)))["moveFolder"]["folder"]
    assert found["parentId"] == str(outer.id)
    assert found["position"] < first.position
    for variables, parent in (({}, outer.id), ({"before": str(outer.id)}, None), ({"to": str(outer.id)}, outer.id)):
        found = (await ask(scope, document, id=str(second.id), **variables))["moveFolder"]["folder"]
        assert found["parentId"] == (parent and str(parent))
    found = (await ask(scope, document, id=str(second.id), to=None))["moveFolder"]["folder"]
    assert found["parentId"] is None
