"""How servers end, gently or not, and what is left then: everything that a window was shown."""

from contextlib import AsyncExitStack

import pytest

from tests.server.callers import Caller
from tests.server.conftest import Start
from tests.server.served import Served, group, until
from tests.server.sockets import socket
from tests.server.windows import Window

NUMBERS = "".join(f"{number} " for number in range(2_000))
COUNTING = "scripted:?tokens=2000&interval=0.001"
SLOWLY = "scripted:?tokens=2000&interval=0.05"
LEASE = 2


async def test_every_token_that_was_shown_is_stored_when_the_server_is_killed(start: Start) -> None:
    async with start(model_url=COUNTING, lease=LEASE) as served, Caller.at(served.graphql) as caller:
        before = (await caller.send("Before"))["session"]["id"]
        await until(lambda: caller.is_settled(before))
        history = await caller.read(before)
        sent = await caller.send("Count!")
        session_id = sent["session"]["id"]
        async with Window.on(served.socket, session_id) as window, Window.on(served.socket, session_id) as other:
            await window.until(lambda shown: shown.deltas >= 700)
            served.kill()
            await served.ended()
            await window.until(lambda shown: shown.closed)
            await other.until(lambda shown: shown.closed)
        shown = max(window.reply, other.reply, key=len)
    assert len(shown) < len(NUMBERS)

    async with start(model_url=COUNTING, lease=LEASE) as again, Caller.at(again.graphql) as caller:
        stored = (await caller.messages(session_id))[1]
        assert stored["content"].startswith(shown)
        await until(lambda: caller.is_settled(session_id), seconds=LEASE + 5)
        settled = await caller.read(session_id)
        question, reply = (edge["node"] for edge in settled["messages"]["edges"])
        assert await caller.read(before) == history

    assert settled["activeRuns"] == []
    assert question["content"] == "Count!"
    assert reply["content"] == stored["content"]
    assert NUMBERS.startswith(reply["content"])
    assert (reply["status"], reply["run"]["status"]) == ("INTERRUPTED", "INTERRUPTED")


async def test_windows_on_another_server_are_told_that_a_reply_was_cut_off(start: Start) -> None:
    async with start(model_url=COUNTING, lease=LEASE) as doomed, start(model_url=COUNTING, lease=LEASE) as other:
        async with Caller.at(doomed.graphql) as caller:
            session_id = (await caller.send("Count!"))["session"]["id"]
        async with Window.on(other.socket, session_id) as window:
            await window.until(lambda shown: shown.deltas >= 100)
            doomed.kill()
            await doomed.ended()
            await window.until(lambda shown: shown.runs[-1:] == ["INTERRUPTED"], seconds=LEASE + 5)

            async with Caller.at(other.graphql) as caller:
                assert (await caller.messages(session_id))[1]["content"] == window.reply
                # The next message is answered by the server that is left.
                await caller.send("Again!", sessionId=session_id)
            await window.until(lambda shown: shown.runs[-1:] == ["COMPLETED"])
            assert window.reply == NUMBERS


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_server_that_is_asked_to_end_tells_windows_and_interrupts_runs_at_once(
    start: Start, workers: str
) -> None:
    async with start("--workers", workers, model_url=SLOWLY) as served:
        async with Caller.at(served.graphql) as caller:
            session_id = (await caller.send("Count!"))["session"]["id"]
        async with Window.on(served.socket, session_id) as window:
            await window.until(lambda shown: shown.deltas >= 5)
            async with AsyncExitStack() as stack:
                sockets = [await stack.enter_async_context(socket(served)) for _ in range(4)]
                for each in sockets:
                    await each.follow(session_id)

                served.ask_to_end()

                assert await served.ended(10) == 0
                assert [await each.closed() for each in sockets] == [(1001, "going away")] * 4
            await until(lambda: nobody_is_left(served))

    # The lease is 30 seconds here: nobody has waited for its end.
    async with start() as other, Caller.at(other.graphql) as caller:
        reply = (await caller.messages(session_id))[1]
    assert (reply["status"], reply["run"]["status"]) == ("INTERRUPTED", "INTERRUPTED")
    assert reply["content"].startswith(window.reply)
    assert NUMBERS.startswith(reply["content"])


async def nobody_is_left(served: Served) -> bool:
    return group(served.process.pid) == []
