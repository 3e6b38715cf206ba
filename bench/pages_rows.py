"""The rows of the page benchmarks: conversations with tool calls, loaded with COPY.

Everything follows from numbers, so that two loads hold the same words.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import orjson

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
LIST = 40
"""Short sessions that only a list shows."""

_WORDS = [
    "a",
    "page",
    "of",
    "what",
    "was",
    "said",
    "in",
    "this",
    "session",
    "is",
    "read",
    "along",
    "one",
    "path",
    "from",
    "the",
    "newest",
    "message",
    "back",
    "to",
    "the",
    "root",
]
_MESSAGE = (
    "id",
    "session_id",
    "parent_id",
    "branch",
    "depth",
    "role",
    "status",
    "parts",
    "content",
    "seq",
    "created_at",
)


def identity(space: int, number: int) -> UUID:
    """The id of one object in a space of ids, in the order of the numbers as ids of version 7 are."""
    return UUID(int=(space << 96) | (7 << 76) | (2 << 62) | number)


LOCAL, OTHERS = identity(1, 1), identity(1, 2)
LONG, SHORT, FORKED = identity(2, 1), identity(2, 2), identity(2, 3)


def words(number: int, count: int) -> str:
    """So many words, others for each number."""
    return f"{number}: " + " ".join(_WORDS[(number + each) % len(_WORDS)] for each in range(count))


def parts(depth: int) -> list[dict[str, object]]:
    """What a message is made of: a question, or an answer for which a tool was called."""
    if depth % 2 == 0:
        return [{"kind": "text", "text": words(depth, 30)}]
    arguments = orjson.dumps({"query": words(depth, 6), "limit": 10}).decode()
    return [
        {"kind": "toolCall", "id": f"call_{depth}", "name": "search", "text": arguments},
        {
            "kind": "toolResult",
            "callId": f"call_{depth}",
            "name": "search",
            "text": words(depth + 1, 40),
            "isError": False,
        },
        {"kind": "text", "text": words(depth + 2, 75)},
    ]


def conversation(session_id: UUID, space: int, length: int, forks: int = 0) -> Iterator[tuple[object, ...]]:
    """The messages of one path; it leaves its branch `forks` times, and the branches it left go on by one message."""
    every = length // (forks + 1)
    parent = None
    for depth in range(length):
        branch, id = min(depth // every, forks), identity(space, depth)
        yield _message(id, session_id, parent, branch, depth)
        if branch < forks and depth % every == every - 1:
            yield _message(identity(space, length + branch), session_id, id, branch, depth + 1)
        parent = id


def _message(id: UUID, session_id: UUID, parent: UUID | None, branch: int, depth: int) -> tuple[object, ...]:
    made = parts(depth)
    said = "\n\n".join(str(part["text"]) for part in made if part["kind"] == "text")
    role = "assistant" if depth % 2 else "user"
    at = BEGAN + timedelta(seconds=depth)
    return id, session_id, parent, branch, depth, role, "complete", orjson.dumps(made).decode(), said, depth + 1, at


LENGTHS = {LONG: 10_000, SHORT: 100, FORKED: 10_000} | {identity(4, number): 2 for number in range(LIST)}
"""The local user's sessions: a long one, a short one, a forked one, and those that a list shows."""


async def load(connection: asyncpg.Connection, lengths: Mapping[UUID, int] = LENGTHS, forks: int = 500) -> None:
    """Sessions of the local user, each with so many messages; one of them is forked."""
    await _users(connection)
    await _sessions(connection, LOCAL, lengths, {FORKED: forks})
    for space, (session_id, count) in enumerate(lengths.items(), start=100):
        await copy_messages(connection, conversation(session_id, space, count, forks if session_id == FORKED else 0))
    await connection.execute("VACUUM ANALYZE")


async def surround(connection: asyncpg.Connection, count: int, first: int = 0, each: int = 1_000) -> None:
    """Messages of somebody else, from number `first` to `count`, in sessions of so many."""
    numbers = range(first // each, count // each)
    await _sessions(connection, OTHERS, {identity(5, number): each for number in numbers}, {})

    def messages() -> Iterator[tuple[object, ...]]:
        for number in numbers:
            yield from conversation(identity(5, number), 1_000_000 + number, each)

    await copy_messages(connection, messages())
    await connection.execute("VACUUM ANALYZE")


async def _users(connection: asyncpg.Connection) -> None:
    await connection.executemany(
        "INSERT INTO users (id, subject) VALUES ($1, $2)", [(LOCAL, "local"), (OTHERS, "others")]
    )


async def _sessions(
    connection: asyncpg.Connection, owner: UUID, lengths: Mapping[UUID, int], forks: Mapping[UUID, int]
) -> None:
    async with connection.transaction():
        await connection.copy_records_to_table(
            "sessions",
            columns=(
                "id",
                "owner_id",
                "title",
                "head",
                "message_count",
                "last_branch",
                "current_branch",
                "last_message_preview",
                "last_activity_at",
            ),
            records=[
                (
                    id,
                    owner,
                    words(number, 5),
                    count,
                    count,
                    forks.get(id, 0),
                    forks.get(id, 0),
                    words(number, 20),
                    BEGAN + timedelta(minutes=number),
                )
                for number, (id, count) in enumerate(lengths.items())
            ],
        )
        await connection.copy_records_to_table(
            "memberships",
            columns=("session_id", "user_id", "role", "last_activity_at", "seq"),
            records=[
                (id, owner, "owner", BEGAN + timedelta(minutes=number), number + 1) for number, id in enumerate(lengths)
            ],
        )
        await connection.copy_records_to_table(
            "branches",
            columns=("session_id", "number", "lineage", "starts"),
            records=[
                (id, number, *lineage(number, count // (forks.get(id, 0) + 1)))
                for id, count in lengths.items()
                for number in range(forks.get(id, 0) + 1)
            ],
        )


def lineage(number: int, every: int) -> tuple[Sequence[int], Sequence[int]]:
    """The segments of a path that left its branch `number` times, each time after `every` messages."""
    return list(range(number + 1)), [each * every for each in range(number + 1)]


async def copy_messages(connection: asyncpg.Connection, messages: Iterator[tuple[object, ...]]) -> None:
    """Loads what `conversation` gives."""
    await connection.copy_records_to_table("messages", columns=_MESSAGE, records=messages)
