"""Conversations that outgrow the window of their model go on, and everybody sees what the model is told in short."""

from datetime import timedelta
from uuid import UUID

import pytest

from chat.conversation import messages
from chat.runs import runs
from chat.scope import Scope
from db import learned_windows
from db.models import Message, RunStatus
from llm.errors import ModelError, ModelErrorCode
from sync.events import RunProgress
from tests.compacting.bounded import BYTES_PER_TOKEN, Bounded, ask, begin, compacted, line, size, texts_of
from tests.conftest import Server, viewer_of
from tests.sync.client import agree, watching

WINDOW = 1_000


def text(message: Message) -> str:
    """What a model is told in place of a message and all before it."""
    assert message.compaction is not None
    return str(message.compaction["text"])


async def failed(scope: Scope, run_id: UUID) -> dict[str, str]:
    """Why a run has failed."""
    (run,) = await runs.of_ids(scope, [run_id])
    assert run is not None
    assert run.status is RunStatus.FAILED
    return dict(run.error or {})


async def test_a_conversation_of_ten_times_the_window_goes_on(server: Server) -> None:
    bounded = Bounded(WINDOW)
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope, WINDOW)
        async with watching(scope, session_id) as client:
            said = 0
            while said < 10 * WINDOW * BYTES_PER_TOKEN:
                exchange = await ask(scope, session_id, line(len(bounded.told)))
                said += 300
                assert texts_of(bounded.told[-1])[-1] == exchange.message.content
            await client.over(exchange.run.id)
            await agree(scope, session_id, client)
        found = await compacted(scope, session_id)
    assert bounded.refused == 0
    assert max(map(size, bounded.told)) < 0.9 * WINDOW
    # Each time half of the window is made free: ten windows are filled some twenty times, and never more often.
    assert 10 <= len(bounded.short) <= 24
    assert [text(each) for each in found] == [f"In short {n + 1}" for n in range(len(bounded.short))]
    assert {(each.compaction or {})["model"] for each in found} == {"bounded-1"}
    assert all((each.compaction or {})["messageCount"] == each.depth + 1 for each in found)
    # The last one stands for all before it, and what follows it is told as it is, once.
    told = texts_of(bounded.told[-1])
    assert told[0].endswith(f"In short {len(bounded.short)}")
    assert len(told) == exchange.message.depth - found[-1].depth + 1
    assert texts_of(bounded.short[-1])[0].startswith(f"What was said before, in short: In short {len(found) - 1}\n\n")


@pytest.mark.parametrize("tells", [True, False])
async def test_a_refusal_leads_to_one_compaction_and_one_more_try(server: Server, *, tells: bool) -> None:
    bounded = Bounded(100_000, tells=tells)
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope)
        for number in range(10):
            await ask(scope, session_id, line(number))
        bounded.window = 680  # of some 680
        exchange = await ask(scope, session_id, line(10))
        assert bounded.refused == 1
        assert len(bounded.short) == 1
        assert texts_of(bounded.told[-1])[-1] == exchange.message.content
        again = await ask(scope, session_id, line(11))
        assert bounded.refused == 1
        assert texts_of(bounded.told[-1])[-1] == again.message.content
        async with scope.process.db.system() as tx:
            learned = await learned_windows.young(tx, timedelta(days=1))
    assert dict(learned) == ({("", ""): 680} if tells else {})


async def test_what_one_process_has_learned_others_know(server: Server) -> None:
    bounded = Bounded(500)
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope)
        for number in range(8):
            await ask(scope, session_id, line(number))
        assert bounded.refused == 1
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive, "another")
        session_id = await begin(scope)
        for number in range(12):
            await ask(scope, session_id, line(number))
    assert bounded.refused == 1


async def test_a_message_that_is_too_long_alone_says_so(server: Server) -> None:
    bounded = Bounded(500)
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope, 600)
        exchange = await ask(scope, session_id, line(0, 4_000), ends=RunStatus.FAILED)
        error = await failed(scope, exchange.run.id)
        assert error["code"] == "TOO_LONG"
        assert error["reason"].startswith(
            "The last message is too long for this model, which reads 500 tokens at once: with what has to be told "
            "besides, it has about 8"
        )
        assert (bounded.short, bounded.told) == ([], [])
        shorter = await messages.send(scope, session_id, "Short", parent_id=None)
        await ask(scope, session_id, "Shorter")
    assert texts_of(bounded.told[0]) == [shorter.message.content]


async def test_a_long_message_after_others_says_so_too(server: Server) -> None:
    bounded = Bounded(500)
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope, 512)
        for number in range(3):
            await ask(scope, session_id, line(number))
        exchange = await ask(scope, session_id, line(3, 4_000), ends=RunStatus.FAILED)
        assert (await failed(scope, exchange.run.id))["reason"].startswith("The last message is too long")


@pytest.mark.parametrize(
    "says",
    [
        "I'm sorry, I cannot",
        ModelError("It gave nothing.", ModelErrorCode.PROVIDER_FAILED),
        ModelError("It forbids that.", ModelErrorCode.REFUSED),
    ],
)
async def test_where_the_model_puts_nothing_in_short_the_beginnings_are_told(
    server: Server, says: str | ModelError
) -> None:
    bounded = Bounded(WINDOW)
    bounded.says = says
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope, WINDOW)
        for number in range(18):
            await ask(scope, session_id, line(number))
        found = await compacted(scope, session_id)
    assert text(found[0]).startswith("User: Message 0. xxx")
    assert text(found[0]).endswith("\nAssistant: Answer 8")
    assert {(each.compaction or {})["model"] for each in found} == {None}


async def test_a_provider_that_is_away_fails_the_reply_and_nothing_is_stored(server: Server) -> None:
    bounded = Bounded(WINDOW)
    bounded.says = ModelError("Nobody answers.", ModelErrorCode.UNREACHABLE)
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope, WINDOW)
        for number in range(10):
            await ask(scope, session_id, line(number))
        exchange = await ask(scope, session_id, line(10, 1_500), ends=RunStatus.FAILED)
        assert (await failed(scope, exchange.run.id))["code"] == "UNREACHABLE"
        assert await compacted(scope, session_id) == []
        bounded.says = "In short"
        await ask(scope, session_id, "And now?")
        assert len(await compacted(scope, session_id)) == 1


async def test_windows_see_that_the_older_part_is_read_first(server: Server) -> None:
    bounded = Bounded(WINDOW)
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope, WINDOW)
        async with watching(scope, session_id) as client:
            while not bounded.short:
                exchange = await ask(scope, session_id, line(len(bounded.told)))
            await client.over(exchange.run.id)
            seen = [
                event for event in client.told if isinstance(event, RunProgress) and event.run_id == exchange.run.id
            ]
    assert [event.compacting for event in seen] == [True, True, False]
    assert seen[1].read == seen[1].total == size(bounded.short[0])


@pytest.mark.parametrize("says", ["long " * 2_000, "\N{GRINNING FACE}" * 9_000, "half\ud83d " * 2_000])
async def test_a_model_that_writes_too_much_does_not_fill_the_window_with_it(server: Server, says: str) -> None:
    bounded = Bounded(WINDOW)
    bounded.says = f"\n {says} in short"
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope, WINDOW)
        for number in range(30):
            await ask(scope, session_id, line(number))
        found = await compacted(scope, session_id)
    assert bounded.refused == 0
    assert 2 <= len(bounded.short) <= 6
    assert all(text(each).startswith(says[:4]) for each in found)
    assert text(found[-1]).endswith(f"in short {len(found)}")
