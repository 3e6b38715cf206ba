"""The same change to many sessions, each by itself: one that is refused leaves the others done."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from chat.conversation import memberships, messages, sessions
from chat.conversation.member_fields import Personal
from chat.conversation.sessions import NewSession
from chat.library import folders, projects
from chat.scope import Scope
from db.models import MemberRole
from sync.events import SessionChanged
from tests.chat.conftest import head_of, join
from tests.organising.conftest import heard, windows
from tests.repeating.asking import ask

BULK = """
    mutation ($input: BulkUpdateSessionsInput!, $key: String) {
        bulkUpdateSessions(input: $input, clientMutationId: $key) {
            __typename
            ... on BulkUpdateSessionsPayload { receipts {
                id session { title tags archivedAt pinnedAt starredAt folderId unread project { name } }
                refusal { __typename reason }
            } }
            ... on InvalidInput { field }
        }
    }
"""


async def begin(scope: Scope, *titles: str) -> list[UUID]:
    """Sessions with these titles."""
    return [(await sessions.create(scope, NewSession(title=title)))[0].id for title in titles]


async def bulk(scope: Scope, *ids: UUID, key: str | None = None, **change: Any) -> dict[str, Any]:
    """What a change of these sessions is answered."""
    given = {"ids": [str(id) for id in ids], **change}
    answer: dict[str, Any] = (await ask(scope, BULK, input=given, key=key))["bulkUpdateSessions"]
    return answer


def refusals(answer: dict[str, Any]) -> list[str | None]:
    """Why each session did not change."""
    return [each["refusal"] and each["refusal"]["__typename"] for each in answer["receipts"]]


async def test_many_sessions_are_changed_at_once(scope: Scope) -> None:
    """1-50, 1-46."""
    one, two = await begin(scope, "one", "two")
    work = (await folders.create(scope, "Work")).id
    await sessions.edit(scope, one, personal=Personal(tags=["old", "kept"]))
    for id in (one, two):
        await memberships.mark_unread(scope, id)
    answer = await bulk(
        scope, two, one, pinned=True, starred=True, archived=True, read=True, folderId=str(work),
        addTags=["new", "kept"], removeTags=["old"],
    )  # fmt: skip
    first, second = [receipt["session"] for receipt in answer["receipts"]]
    assert (first["title"], first["tags"], second["title"], second["tags"]) == (
        "two",
        ["new", "kept"],
        "one",
        ["kept", "new"],
    )
    for seen in (first, second):
        assert (seen["folderId"], seen["unread"]) == (str(work), False)
        assert None not in (seen["archivedAt"], seen["pinnedAt"], seen["starredAt"])
    answer = await bulk(scope, one, folderId=None, archived=False, read=False)
    (seen,) = [receipt["session"] for receipt in answer["receipts"]]
    assert (seen["folderId"], seen["archivedAt"], seen["unread"]) == (None, None, True)
    assert seen["pinnedAt"] is not None


async def test_many_sessions_are_put_in_a_project_for_all_members_and_taken_out(scope: Scope, stranger: Scope) -> None:
    """1-25, 1-50."""
    one, two = await begin(scope, "one", "two")
    await join(stranger, one, MemberRole.READER)
    thesis = await projects.create(scope, "Thesis")
    answer = await bulk(scope, one, two, projectId=str(thesis.id))
    assert [receipt["session"]["project"] for receipt in answer["receipts"]] == [{"name": "Thesis"}] * 2
    (theirs,) = await sessions.of_ids(stranger, [one])
    assert (theirs and theirs.project_id, await projects.of_ids(stranger, [thesis.id])) == (thesis.id, [None])
    answer = await bulk(scope, two, projectId=None)
    assert [receipt["session"]["project"] for receipt in answer["receipts"]] == [None]
    assert [seen and seen.project_id for seen in await sessions.of_ids(scope, [one, two])] == [thesis.id, None]


async def test_one_that_is_refused_leaves_the_others_done(scope: Scope, stranger: Scope) -> None:
    """1-50, 1-55: what is not yours and what is not there look the same."""
    one, two = await begin(scope, "one", "two")
    (theirs,) = await begin(stranger, "theirs")
    head = await head_of(stranger)
    answer = await bulk(scope, one, theirs, uuid4(), two, deleted=True)
    assert refusals(answer) == [None, "NotFound", "NotFound", None]
    assert {each["refusal"]["reason"] for each in answer["receipts"][1:3]} == {
        "There is no such session, or you may not see it."
    }
    assert await sessions.of_ids(scope, [one, two]) == [None, None]
    assert await sessions.of_ids(stranger, [theirs]) != [None]
    assert await head_of(stranger) == head
    answer = await bulk(scope, one, two, deleted=False)
    assert [each["session"]["title"] for each in answer["receipts"]] == ["one", "two"]


async def test_a_member_changes_what_is_theirs_and_nothing_else(scope: Scope, stranger: Scope) -> None:
    (shared,) = await begin(scope, "shared")
    await join(stranger, shared, MemberRole.READER)
    assert refusals(await bulk(stranger, shared, starred=True)) == [None]
    assert refusals(await bulk(stranger, shared, projectId=None)) == ["NotAllowed"]
    assert refusals(await bulk(stranger, shared, deleted=True)) == ["NotAllowed"]
    assert refusals(await bulk(stranger, shared, folderId=str(uuid4()))) == ["NotFound"]


async def test_what_is_somebody_elses_is_no_place_and_looks_like_none(scope: Scope, stranger: Scope) -> None:
    """1-55."""
    (mine,) = await begin(scope, "mine")
    folder, project = await folders.create(stranger, "Theirs"), await projects.create(stranger, "Theirs")
    before = await head_of(scope), await head_of(stranger)
    for place, theirs, noun in (("folderId", folder.id, "folder"), ("projectId", project.id, "project")):
        there, nowhere = [await bulk(scope, mine, **{place: str(id)}) for id in (theirs, uuid4())]
        reason = f"There is no such {noun}, or you may not see it."
        assert there["receipts"][0]["refusal"] == {"__typename": "NotFound", "reason": reason}
        assert there == nowhere
    assert (await head_of(scope), await head_of(stranger)) == before


async def test_the_same_key_changes_nothing_twice(scope: Scope, stranger: Scope) -> None:
    one, two, later = await begin(scope, "one", "two", "later")
    (theirs,) = await begin(stranger, "theirs")
    answers = await asyncio.gather(*(bulk(scope, one, two, theirs, key="k", addTags=["x"]) for _ in range(4)))
    assert all(answer == answers[0] for answer in answers)
    head = await head_of(scope)
    await sessions.edit(scope, one, personal=Personal(tags=["y"]))
    await join(scope, theirs, MemberRole.WRITER)
    again = await bulk(scope, one, two, theirs, key="k", addTags=["x"])
    assert [each["session"]["tags"] for each in again["receipts"]] == [["y"], ["x"], ["x"]]
    assert await head_of(scope) == head + 2
    assert (await bulk(scope, later, key="k", addTags=["x"]))["field"] == "clientMutationId"


async def test_every_window_sees_it_at_once_and_knows_whose_it_is(patient: Scope, elsewhere: Scope) -> None:
    """1-50."""
    one, two = await begin(patient, "one", "two")
    work, thesis = await folders.create(patient, "Work"), await projects.create(patient, "Thesis")
    changes: list[tuple[dict[str, Any], Callable[[SessionChanged], bool]]] = [
        ({"pinned": True}, lambda told: told.membership.pinned_at is not None),
        ({"archived": True}, lambda told: told.membership.archived_at is not None),
        ({"addTags": ["x"]}, lambda told: told.membership.tags == ["x"]),
        ({"folderId": str(work.id)}, lambda told: told.membership.folder_id == work.id),
        ({"projectId": str(thesis.id)}, lambda told: told.row.project_id == thesis.id),
        ({"deleted": True}, lambda told: told.row.deleted_at is not None),
        ({"deleted": False}, lambda told: told.row.deleted_at is None),
    ]
    async with windows(patient, elsewhere) as both:
        for change, wanted in changes:
            key = str(change)
            await bulk(patient, one, two, key=key, **change)
            for window in both:
                told = [await heard(window, SessionChanged) for _ in range(2)]
                assert [(event.row.id, event.membership.mutation) for event in told] == [(one, key), (two, key)]
                assert all(wanted(event) for event in told), change


@pytest.mark.parametrize(
    ("change", "field"), [({"deleted": True, "pinned": True}, "deleted"), ({"pinned": True, "more": 100}, "ids")]
)
async def test_what_makes_no_sense_is_refused_whole(scope: Scope, change: dict[str, Any], field: str) -> None:
    ids = [*await begin(scope, "one"), *(uuid4() for _ in range(change.pop("more", 0)))]
    head = await head_of(scope)
    assert (await bulk(scope, *ids, **change))["field"] == field
    assert await head_of(scope) == head


async def test_a_read_session_counts_as_read_for_later(scope: Scope, stranger: Scope) -> None:
    (shared,) = await begin(scope, "shared")
    await join(stranger, shared, MemberRole.WRITER)
    await messages.post(stranger, shared, "News")
    (seen,) = await sessions.of_ids(scope, [shared])
    assert seen is not None
    assert seen.unread
    answer = await bulk(scope, shared, read=True)
    assert answer["receipts"][0]["session"]["unread"] is False
