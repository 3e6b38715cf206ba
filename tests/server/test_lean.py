"""What a connection waits on."""

import asyncio

import pytest

from server.lean import Gate, Inbox


async def test_messages_are_got_in_their_order_whether_they_were_there_or_come() -> None:
    inbox = Inbox()
    inbox.put_nowait(1)
    inbox.put_nowait(2)
    assert [await inbox.get(), await inbox.get(), inbox.empty()] == [1, 2, True]
    getting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait(3)
    inbox.put_nowait(4)
    assert [inbox.empty(), await getting, await inbox.get()] == [False, 3, 4]


async def test_who_breaks_off_takes_no_message_along() -> None:
    inbox = Inbox()
    leaving = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait(1)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await inbox.get() == 1


async def test_a_gate_lets_all_through_who_wait_when_it_opens_even_if_it_closes_at_once() -> None:
    gate = Gate()
    await gate.wait()
    gate.clear()
    waiting = [asyncio.create_task(gate.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    gate.set()
    gate.clear()
    await asyncio.wait(waiting, timeout=5)
    assert ([each.cancelled() for each in waiting], gate.is_set()) == ([True, False, False], False)
