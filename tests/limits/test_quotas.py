"""Quotas: how much an account may have at once, exactly, whoever asks at the same time."""

import asyncio
import json
from dataclasses import replace
from uuid import uuid4

import pytest

from chat.conversation import annotations, edits, forks, messages, sessions
from chat.conversation.reply_requests import Reply, WhenBusy
from chat.conversation.sessions import NewSession
from chat.library import accounts, templates
from chat.library.templates import Outline, Said
from chat.quotas import quotas
from chat.quotas.quotas import Standing
from chat.refusals import NotFound, QuotaExceeded
from chat.removal import deletions, trash
from chat.removal.message_tree import DeletionScope
from chat.runs import producers, queues, retries, runs
from chat.scope import Repeated, Scope
from chat.subscriptions import streams
from db.listing import Filter
from db.models import Message, MessageRole
from sync.events import MessageChanged, SessionChanged
from tests.conftest import viewer_of
from tests.limits.conftest import Limiting, keyed, set_for
from tests.organising.conftest import windows
from tests.sync.client import watching
from tests.sync.talk import at, begin


async def used(scope: Scope) -> dict[str, tuple[int, int | None]]:
    """The limits that hold for a viewer, and how much of them is used."""
    return {name: (held.limit, held.used) for name, held in (await quotas.standing(scope)).items()}


async def stored(scope: Scope) -> int:
    """Bytes of what the viewer has said, as PostgreSQL writes it."""
    async with scope.process.db.driver() as driver:
        found: int = await driver.fetchval(
            "SELECT sum(octet_length(parts::text) + octet_length(metadata::text)) FROM messages WHERE author_id = $1",
            scope.viewer.id,
        )
    return found


async def test_an_account_has_as_many_sessions_as_it_may(limiting: Limiting) -> None:
    """1-58, 1-66."""
    scope = await limiting(sessions=2)
    first, second = await begin(scope), await begin(scope)
    with pytest.raises(QuotaExceeded) as full:
        await sessions.create(scope, NewSession())
    assert (full.value.limit, full.value.used, full.value.reset_at) == (2, 2, None)
    assert full.value.reason == "You have as many sessions as you may (2). Delete one first."
    with pytest.raises(QuotaExceeded):
        await messages.send(scope, NewSession(), "Hi")
    assert await sessions.count(scope, Filter()) == 2
    await sessions.delete(scope, first)
    third = await begin(scope)
    with pytest.raises(QuotaExceeded):
        await trash.restore(scope, first)
    await sessions.delete(scope, third)
    assert (await trash.restore(scope, first))[0].id == first
    assert await used(scope) == {"sessions": (2, 2)}
    sent = await messages.send(scope, second, "Hi")
    with pytest.raises(QuotaExceeded):
        await forks.fork(scope, second, sent.message.id)


async def test_calls_at_the_same_time_do_not_get_past_a_quota(limiting: Limiting) -> None:
    """1-58."""
    scope = await limiting(sessions=3, active_runs=2)
    elsewhere = at(scope, await limiting.process(sessions=3, active_runs=2))
    calls = [sessions.create(each, NewSession()) for each in (scope, elsewhere) * 4]
    made = await asyncio.gather(*calls, return_exceptions=True)
    assert sorted(type(each).__name__ for each in made) == ["QuotaExceeded"] * 5 + ["tuple"] * 3
    begun = [each[0].id for each in made if isinstance(each, tuple)]
    asked = [messages.send(each, session_id, "Hi") for each in (scope, elsewhere) for session_id in begun]
    said = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(type(each).__name__ for each in said) == ["Exchange"] * 2 + ["QuotaExceeded"] * 4
    assert await used(scope) == {"sessions": (3, 3), "active_runs": (2, 2)}


async def test_a_repetition_is_free(limiting: Limiting) -> None:
    """1-57, 2-52."""
    scope = await limiting(sessions=1, active_runs=1, messages_per_minute=1, sessions_per_minute=1, runs_per_minute=1)
    new, message_id = NewSession(id=uuid4()), uuid4()
    sent = await messages.send(keyed(scope, "one"), new, "Hi", message_id=message_id)
    with pytest.raises(Repeated):
        await messages.send(keyed(scope, "one"), new, "Hi", message_id=message_id)
    again = await messages.send(scope, new, "Hi", message_id=message_id)
    assert (again.message.id, again.run.id) == (message_id, sent.run.id)
    assert (await sessions.create(scope, new))[0].id == new.id
    assert set((await used(scope)).values()) == {(1, 1)}


async def test_a_run_of_an_app_that_is_begun_again_is_free(limiting: Limiting) -> None:
    scope = await limiting(active_runs=1)
    posted, run_id = await messages.post(scope, NewSession(), "Hi"), uuid4()
    held = await producers.start(scope, posted.message.id, run_id=run_id)
    assert (await producers.start(scope, posted.message.id, run_id=run_id)).run.id == held.run.id
    with pytest.raises(QuotaExceeded):
        await producers.start(scope, posted.message.id, run_id=uuid4())


async def test_what_others_have_does_not_count_and_nobody_hears_of_a_refusal(limiting: Limiting) -> None:
    """1-60, 1-61."""
    process = await limiting.process(sessions=1, messages_per_minute=1, windows=2)
    scope, stranger = await viewer_of(process), await viewer_of(process)
    session_id = await begin(scope)
    said = (await messages.post(scope, session_id, "Hi")).message
    async with windows(scope, stranger) as (mine, theirs), watching(scope, session_id) as client:
        before, told = (await accounts.me(scope)).head, len(client.told)
        with pytest.raises(QuotaExceeded):
            await messages.post(scope, session_id, "Hi")
        with pytest.raises(QuotaExceeded):
            await begin(scope)
        assert (await accounts.me(scope)).head == before
        assert (await used(stranger))["sessions"] == (1, 0)
        assert await sessions.of_ids(stranger, [session_id]) == [None]
        assert await messages.of_ids(stranger, [said.id]) == [None]
        await annotations.react(scope, said.id, "👍", on=True)
        own = (await messages.post(stranger, NewSession(), "Hi")).message
        heard = [await anext(mine), await anext(theirs)]
        await annotations.react(stranger, own.id, "👍", on=True)
        heard.append(await anext(theirs))
        assert [(event.row.id, event.cursor.seq) for event in heard if isinstance(event, SessionChanged)] == [
            (session_id, before + 1),
            (own.session_id, 2),
            (own.session_id, 3),
        ]
        await client.until(lambda client: len(client.told) > told)
        (event,) = client.told[told:]
        assert isinstance(event, MessageChanged)
        assert (event.row.id, list(event.row.marks)) == (said.id, ["reactions"])


async def test_an_account_has_as_many_unfinished_replies_as_it_may(limiting: Limiting) -> None:
    """3-8."""
    scope = await limiting(active_runs=1)
    first = await messages.send(scope, NewSession(), "Hi")
    session_id = first.seen[0].id
    with pytest.raises(QuotaExceeded) as full:
        await messages.send(scope, session_id, "And?")
    assert (full.value.limit, full.value.used) == (1, 1)
    with pytest.raises(QuotaExceeded):
        await retries.answer(scope, first.message.id)
    with pytest.raises(QuotaExceeded):
        await producers.start(scope, first.message.id)
    await messages.post(scope, session_id, "This asks nobody.")
    await runs.cancel(scope, first.run.id)
    _, again = await retries.retry(scope, first.run.id)
    assert isinstance(again, Reply)
    with pytest.raises(QuotaExceeded):
        await retries.retry(scope, first.run.id)
    with pytest.raises(QuotaExceeded):
        await retries.resume(scope, first.run.id)


async def test_an_account_stores_as_much_as_it_may_to_the_byte(limiting: Limiting) -> None:
    """4-33, 4-43."""
    scope = await limiting(kilobytes=1)
    session_id = await begin(scope)
    said = await messages.post(scope, session_id, 'Grüße, "ä"\n', metadata={"a": [1, {"b": None}, "c"], "d": {}})
    assert await stored(scope) == quotas._size(said.message)
    empty = quotas._size(Message(parts=[{"kind": "text", "text": ""}], meta={}))
    room = 1_000 - await stored(scope) - empty
    with pytest.raises(QuotaExceeded) as full:
        await messages.post(scope, session_id, "x" * (room + 1))
    assert (full.value.limit, full.value.used) == (1, 1)
    last = await messages.post(scope, session_id, "x" * room)
    assert await stored(scope) == 1_000
    with pytest.raises(QuotaExceeded):
        await producers.start(scope, last.message.id)
    with pytest.raises(QuotaExceeded):
        await forks.fork(scope, session_id, last.message.id)
    assert await sessions.count(scope, Filter()) == 1
    await deletions.delete(scope, session_id, last.message.id, DeletionScope.MESSAGE)
    assert (await messages.post(scope, session_id, "y" * (room - 200))).message.content[:1] == "y"
    await sessions.delete(scope, session_id)
    assert await used(scope) == {"kilobytes": (1, 0)}
    await messages.post(scope, NewSession(), "z" * 900)
    with pytest.raises(QuotaExceeded):
        await trash.restore(scope, session_id)


async def test_an_account_has_as_many_windows_open_as_it_may(limiting: Limiting) -> None:
    """1-61."""
    scope = await limiting(windows=2)
    session_id = await begin(scope)
    stranger = replace(scope, viewer=(await viewer_of(await limiting.process())).viewer)
    async with streams.account(scope, None):
        with pytest.raises(NotFound):
            async with streams.session(scope, uuid4(), None):
                pass
        async with streams.session(scope, session_id, None):
            with pytest.raises(QuotaExceeded) as full:
                async with streams.account(scope, None):
                    pass
            assert (full.value.limit, full.value.used) == (2, 2)
            async with streams.account(stranger, None):
                assert await used(scope) == {"windows": (2, 2)}
    assert await used(scope) == {"windows": (2, 0)}


async def test_an_operator_sets_other_limits_for_one_account(limiting: Limiting) -> None:
    """1-58, 1-66."""
    process = await limiting.process(sessions=1)
    scope, other = await viewer_of(process), await viewer_of(process)
    await set_for(scope, sessions=2, windows=1, runs_per_minute=7)
    for _ in range(2):
        await begin(scope)
    with pytest.raises(QuotaExceeded) as full:
        await begin(scope)
    assert (full.value.limit, full.value.used) == (2, 2)
    assert await used(scope) == {"sessions": (2, 2), "windows": (1, 0), "runs_per_minute": (7, 0)}
    await set_for(scope, sessions=0)
    await begin(scope)
    assert await quotas.standing(scope) == {}
    await begin(other)
    assert await quotas.standing(other) == {"sessions": Standing(1, 1)}


async def test_what_is_said_otherwise_or_brought_back_needs_room(limiting: Limiting) -> None:
    """4-33, 4-43."""
    scope = await limiting(kilobytes=1)
    session_id = await begin(scope)
    first = await messages.post(scope, session_id, "x" * 500)
    with pytest.raises(QuotaExceeded, match="There is no room for this"):
        await edits.revise(scope, first.message.id, text="x" * 1_000)
    with pytest.raises(QuotaExceeded):
        await edits.revise(scope, first.message.id, metadata={"a": "x" * 600})
    (kept,) = await messages.of_ids(scope, [first.message.id])
    assert kept is not None
    assert (kept.content, kept.version, kept.meta) == ("x" * 500, 1, {})
    await deletions.delete(scope, session_id, first.message.id, DeletionScope.MESSAGE)
    last = await messages.post(scope, session_id, "y" * 800)
    with pytest.raises(QuotaExceeded):
        await deletions.restore(scope, session_id, first.message.id, DeletionScope.MESSAGE)
    assert await messages.count(scope, session_id) == 1
    await edits.revise(scope, last.message.id, text="y")
    assert (await deletions.restore(scope, session_id, first.message.id, DeletionScope.MESSAGE)).count == 1


async def test_who_has_too_much_can_still_make_it_less(limiting: Limiting) -> None:
    scope = await limiting()
    session_id = await begin(scope)
    said = await messages.post(scope, session_id, "x" * 3_000)
    other = await messages.post(scope, session_id, "y" * 300)
    await deletions.delete(scope, session_id, other.message.id, DeletionScope.MESSAGE)
    poor = at(scope, await limiting.process(kilobytes=1))
    with pytest.raises(QuotaExceeded):
        await deletions.restore(poor, session_id, other.message.id, DeletionScope.MESSAGE)
    with pytest.raises(QuotaExceeded):
        await edits.revise(poor, said.message.id, text="x" * 3_001)
    assert (await edits.revise(poor, said.message.id, text="x" * 2_000)).content == "x" * 2_000


async def test_what_is_queued_and_what_a_template_says_need_room(limiting: Limiting) -> None:
    """1-34, 4-43."""
    scope = await limiting(kilobytes=1)
    first = await messages.send(scope, NewSession(), "Hi")
    queued = await messages.send(scope, first.seen[0].id, "And?", when_busy=WhenBusy.QUEUE)
    with pytest.raises(QuotaExceeded):
        await queues.edit(scope, queued.run.id, "x" * 1_000)
    assert (await queues.edit(scope, queued.run.id, "So?"))[0].content == "So?"
    long = Outline(name="Long", messages=[Said(MessageRole.USER, "x" * 1_000)])
    template = await templates.create(scope, long)
    with pytest.raises(QuotaExceeded):
        await sessions.create(scope, NewSession(template_id=template.id))
    assert await sessions.count(scope, Filter()) == 1


def test_the_size_of_json_is_what_postgresql_writes() -> None:
    value = {"a": [], "b": {}, "c": [1, 2, [3]], "d": {"e": "f", "g": None}}
    assert quotas._size(Message(parts=[value], meta=value)) == len(json.dumps([value])) + len(json.dumps(value))
