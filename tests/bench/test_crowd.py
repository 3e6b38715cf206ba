"""The load generator counts exactly, and notices what is missing."""

from collections.abc import Iterator

import pytest
import uvloop

from bench import served
from bench.crowd import Broken, Crowd, now
from bench.peers import control
from bench.served import Served

SESSIONS, WINDOWS, COUNT = 3, 2, 40


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """A server that sends ready frames on plain sockets."""
    with served.serving(served.python("bench.peers.bare_sockets"), core=None) as running:
        yield running


@pytest.fixture
def crowd(server: Served) -> Iterator[Crowd]:
    """Two windows for each of three sessions."""
    server.tell("prepare", sessions=SESSIONS)
    ids = server.awaited()["ids"]
    windows = Crowd(server.port)
    windows.open([[id_] for id_ in ids for _ in range(WINDOWS)])
    yield windows
    windows.close()


def publish(server: Served, crowd: Crowd, count: int) -> None:
    """Publishes so many numbers, quicker than they can be read one by one."""
    server.tell("publish", sessions=SESSIONS, rate=10_000, count=count)
    server.awaited(crowd.pump)


def test_every_number_is_counted_once_in_every_window(server: Served, crowd: Crowd) -> None:
    publish(server, crowd, COUNT)
    crowd.until(lambda: crowd.deliveries == SESSIONS * WINDOWS * COUNT, 10)
    assert [window.last for window in crowd.windows] == [COUNT] * SESSIONS * WINDOWS
    assert sum(crowd.latencies) == SESSIONS * WINDOWS * COUNT


@pytest.mark.parametrize("last", [-1, 1])
def test_a_number_that_is_missing_or_comes_twice_is_noticed(server: Served, crowd: Crowd, last: int) -> None:
    crowd.windows[0].last = last
    server.tell("publish", sessions=SESSIONS, rate=10_000, count=COUNT)
    with pytest.raises(Broken, match=f"After {last} came 1"):
        crowd.until(lambda: False, 10)
    server.awaited()


@pytest.mark.parametrize(("first", "counted"), [(1, COUNT), (COUNT + 1, 0)])
def test_latencies_count_from_the_number_that_is_asked_for(
    server: Served, crowd: Crowd, first: int, counted: int
) -> None:
    crowd.begin(first=first)
    publish(server, crowd, COUNT)
    crowd.until(lambda: crowd.deliveries == SESSIONS * WINDOWS * COUNT, 10)
    assert sum(crowd.latencies) == SESSIONS * WINDOWS * counted


def test_what_comes_before_it_is_due_is_noticed(crowd: Crowd) -> None:
    with pytest.raises(Broken, match="3 came before it was due"):
        crowd.took(3, now() + 1_000_000, 1)
    assert sum(crowd.latencies) == 0


def test_a_publisher_is_never_early() -> None:
    async def early() -> int:
        after = []
        for gap in range(0, 5_000, 170):
            due = control.now() + gap
            await control.until(due)
            after.append(control.now() - due)
        return min(after)

    assert uvloop.run(early()) >= 0
