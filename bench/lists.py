"""Do lists, pages, hits and counts take longer when there are more people?

    .venv/bin/python -m bench.lists                   1, 10 and 100 people, up to a million messages

Everybody has 200 sessions of 50 messages each, with projects, agents, folders, tags, pins and unread replies. One of
them asks, over HTTP on one connection, while ever more others are in the same tables. A question may take 1.5 times as
long as among 10,000 messages, at the median and at the 95th percentile; where one takes longer, the plans of its
statements are printed.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import uvloop

import engines
from bench import machine, pages, pages_rows, results, served
from bench.pages_load import Ask, answer, load
from db import listing, migrate, paths, tallies
from db.listing import Filter, SessionOrder
from db.page import Span
from db.reader import Statement
from server.settings import Settings

ALLOWED = 1.5
SESSIONS, MESSAGES = 200, 50
PLACES = 5
"""Folders of somebody, and projects, and agents."""

NODES = "{ id title lastMessagePreview lastActivityAt unread pinnedAt tags }"
LIST = f"""query ($filter: SessionFilter, $order: SessionOrder) {{
    sessions(first: 20, filter: $filter, orderBy: $order) {{ cursor edges {{ node {NODES} }} }} }}"""
COUNTS = "{ sessions(first: 1) { totalCount counts { total unread running pinned starred archived } } }"
UNREAD = "{ sessions(first: 20, filter: {unread: true}) { edges { node { id unreadCount } } } }"
SIDEBAR = """{
    folders { id name sessionCount unreadCount }
    projects(first: 10) { edges { node { id name sessionCount unreadCount latestSession { id title } } } }
    agents(first: 10) { edges { node { id name sessionCount } } }
    viewer { tags { name sessionCount unreadCount } }
}"""
AROUND = f"""query ($id: ID!, $message: ID!) {{
    session(id: $id) {{ around(messageId: $message, before: 25, after: 24) {pages.MESSAGES} }} }}"""


def identity(person: int, kind: int, number: int) -> UUID:
    """The id of something of somebody."""
    return pages_rows.identity(10_000 + person, kind << 40 | number)


def user(person: int) -> UUID:
    """The id of somebody; the first is the one who asks."""
    return pages_rows.LOCAL if person == 0 else identity(person, 1, 0)


def session(person: int, number: int) -> UUID:
    """The id of a session of somebody."""
    return identity(person, 2, number)


def folder(person: int, number: int) -> UUID:
    """The id of a folder of somebody."""
    return identity(person, 3, number % PLACES)


def project(person: int, number: int) -> UUID:
    """The id of a project of somebody."""
    return identity(person, 4, number % PLACES)


def agent(person: int, number: int) -> UUID:
    """The id of an agent of somebody."""
    return identity(person, 5, number % PLACES)


type Asked = tuple[Statement[Any], Sequence[Any]]
"""A statement, and its values from `$2` on."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and what the database is asked for it."""

    name: str
    document: str
    statements: Sequence[Asked]
    variables: dict[str, object] = field(default_factory=dict)


def listed(name: str, where: Filter, *, order: SessionOrder = SessionOrder.ACTIVITY, **filter: object) -> Question:
    """A list with a filter, as clients write it and as the database is asked."""
    asked = listing.asked(Span(20), where, order)
    return Question(f"20 sessions, {name}", LIST, [asked], {"filter": filter, "order": order.name})


def questions() -> Iterator[Question]:
    """Everything that is asked."""
    place = folder(0, 3)
    yield listed("newest activity", Filter())
    yield listed("in a folder", Filter(folder_id=place), folderId=str(place))
    yield listed("in a project", Filter(project_id=project(0, 3)), projectId=str(project(0, 3)))
    yield listed("of an agent", Filter(agent_id=agent(0, 3)), agentId=str(agent(0, 3)))
    yield listed("with a tag", Filter(tags=("tag 3",)), tags=["tag 3"])
    yield listed("pinned", Filter(pinned=True), pinned=True)
    yield listed("starred", Filter(starred=True), starred=True)
    yield listed("archived", Filter(archived=True), archived=True)
    yield listed("unread", Filter(unread=True), unread=True)
    yield listed("with a reply under way", Filter(running=True), running=True)
    yield listed("with words in the title", Filter(title="of what was"), title="of what was")
    yield listed("newest", Filter(), order=SessionOrder.CREATED)
    yield listed("by title", Filter(), order=SessionOrder.TITLE)
    yield listed("by position", Filter(), order=SessionOrder.POSITION)
    unread = [session(0, number) for number in range(0, 4 * 20, 4)]
    yield Question("unread messages of 20 sessions", UNREAD, [(listing.UNREAD, [unread])])
    yield Question("counts for badges", COUNTS, [listing.counting(Filter())])
    yield Question("a sidebar: folders, projects, agents, tags", SIDEBAR, list(_of_sidebar()))
    one, middle = session(0, 7), pages_rows.identity(_space(0, 7), MESSAGES // 2)
    newest = (paths.PAGE, [one, None, -1, None, 50, True])
    yield Question("newest 50 messages", pages.LAST, [newest], {"id": str(one)})
    around = (paths.PAGE, [one, None, 0, None, 50, False])
    yield Question("50 messages around one", AROUND, [around], {"id": str(one), "message": str(middle)})


def _of_sidebar() -> Iterator[Asked]:
    for statement, place in (
        (tallies.OF_FOLDERS, folder),
        (tallies.OF_PROJECTS, project),
        (tallies.LATEST, project),
        (tallies.OF_AGENTS, agent),
    ):
        yield statement, [[place(0, number) for number in range(PLACES)]]
    yield tallies.OF_TAGS, []


async def settle(database: str, people: range) -> None:
    """Gives each of these people all that they have."""
    connection = await asyncpg.connect(database)
    for person in people:
        subject = "local" if person == 0 else f"person {person}"
        await connection.execute("INSERT INTO users (id, subject) VALUES ($1, $2)", user(person), subject)
        await _organise(connection, person)
        await pages_rows.copy_messages(
            connection,
            (
                message
                for number in range(SESSIONS)
                for message in pages_rows.conversation(session(person, number), _space(person, number), MESSAGES)
            ),
        )
        await connection.execute(
            """INSERT INTO runs (id, session_id, message_id, position, status, executor)
            SELECT gen_random_uuid(), session_id, id, 1, 'queued', 'app' FROM messages
            WHERE session_id = ANY ($1::uuid[]) AND depth = 1""",
            [session(person, number) for number in range(0, SESSIONS, 50)],
        )
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")  # or it would come while something is measured
    await connection.close()


def _space(person: int, number: int) -> int:
    """The space of the ids of a session's messages."""
    return 1_000_000 + person * SESSIONS + number


async def _organise(connection: asyncpg.Connection, person: int) -> None:
    owner, numbers = user(person), range(SESSIONS)
    async with connection.transaction():
        await connection.executemany(
            "INSERT INTO folders (id, owner_id, name, position) VALUES ($1, $2, $3, $4)",
            [(folder(person, number), owner, f"Folder {number}", f"8{number:03x}1") for number in range(PLACES)],
        )
        for table, place in (("projects", project), ("agents", agent)):
            await connection.executemany(
                f"INSERT INTO {table} (id, owner_id, name) VALUES ($1, $2, $3)",
                [(place(person, number), owner, f"Number {number}") for number in range(PLACES)],
            )
        await connection.copy_records_to_table(
            "sessions",
            columns=(
                "id",
                "owner_id",
                "project_id",
                "agent_id",
                "title",
                "head",
                "message_count",
                "last_message_preview",
                "last_activity_at",
            ),
            records=[
                (
                    session(person, number),
                    owner,
                    project(person, number) if number % 3 else None,
                    agent(person, number) if number % 4 else None,
                    pages_rows.words(number, 5),
                    MESSAGES,
                    MESSAGES,
                    pages_rows.words(number, 20),
                    pages_rows.BEGAN + timedelta(minutes=number),
                )
                for number in numbers
            ],
        )
        await connection.copy_records_to_table(
            "memberships",
            columns=(
                "session_id",
                "user_id",
                "role",
                "last_activity_at",
                "seq",
                "pinned_at",
                "starred_at",
                "archived_at",
                "folder_id",
                "tags",
                "read_seq",
                "news_seq",
            ),
            records=[_membership(person, number) for number in numbers],
        )
        await connection.copy_records_to_table(
            "branches",
            columns=("session_id", "number", "lineage", "starts"),
            records=[(session(person, number), 0, [0], [0]) for number in numbers],
        )
        await connection.execute("UPDATE users SET head = $2 WHERE id = $1", owner, SESSIONS)


def _membership(person: int, number: int) -> tuple[object, ...]:
    at = pages_rows.BEGAN + timedelta(minutes=number)
    return (
        session(person, number),
        user(person),
        "owner",
        at,
        number + 1,
        at if number % 10 == 0 else None,
        at if number % 7 == 0 else None,
        at if number % 9 == 0 else None,
        folder(person, number) if number % 2 else None,
        [f"tag {number % 6}", "all"],
        MESSAGES - 6 if number % 4 == 0 else MESSAGES,
        MESSAGES,
    )


async def explain(database: str, question: Question) -> str:
    """How PostgreSQL finds what it is asked for a question, whatever the values are."""
    connection = await asyncpg.connect(database)
    await connection.execute("SET plan_cache_mode = force_generic_plan; SET ROLE transom_viewer")
    lines: list[str] = []
    for statement, values in question.statements:
        await connection.execute(f"PREPARE asked AS {statement.sql}")
        written = ", ".join(_literal(value) for value in (pages_rows.LOCAL, *values))
        lines += [line[0] for line in await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS) EXECUTE asked ({written})")]
        await connection.execute("DEALLOCATE asked")
    await connection.close()
    return "\n".join(lines)


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return f"'{{{', '.join(map(str, value))}}}'" if isinstance(value, list) else f"'{value}'"


def _grown(first: Sequence[float], last: Sequence[float]) -> float:
    """How many times as long a question takes, at the median or the 95th percentile, whichever grew more."""
    return max(now / then for then, now in zip(first, last, strict=True))


async def measure(database: str, redis: str, rounds: int, seconds: float) -> dict[str, tuple[float, float]]:
    """The median and the 95th percentile of each question, in milliseconds."""
    transom = pages.transom("Transom", database, redis)
    found: dict[str, list[float]] = {}
    with served.serving(transom.command, transom.environment) as server:
        asks = {
            each.name: Ask(f"http://127.0.0.1:{server.port}/graphql", each.document, each.variables)
            for each in questions()
        }
        for name, ask in asks.items():
            said = await answer(ask)
            assert b'"errors"' not in said, (name, said[:500])
            assert b'"id"' in said or name == "counts for badges", (name, said[:500])
            await load(ask, 1, min(seconds, 0.5))
        for _ in range(rounds):
            for name, ask in asks.items():
                found.setdefault(name, []).extend((await load(ask, 1, seconds))[0])
    return {name: (pages.percentile(times, 0.5), pages.percentile(times, 0.95)) for name, times in found.items()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", default="1,10,100")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=0.7)
    chosen = options.parse_args()
    machine.settle()
    steps = [int(people) for people in chosen.people.split(",")]
    found: dict[int, dict[str, tuple[float, float]]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as place,
        engines.running(Settings(data_dir=Path(place), model_url="none:")) as urls,
    ):
        asyncio.run(migrate.upgrade(urls.database))
        before = 0
        for people in steps:
            asyncio.run(settle(urls.database, range(before, people)))
            if before == 0:  # a rehearsal: the first seconds of a machine that was at rest are slower
                uvloop.run(measure(urls.database, urls.redis, 1, chosen.seconds))
            before = people
            found[people] = uvloop.run(measure(urls.database, urls.redis, chosen.rounds, chosen.seconds))
            print(f"{people} people: measured", flush=True)
            for question in questions():
                times = _grown(found[steps[0]][question.name], found[people][question.name])
                if times > ALLOWED:
                    print(f"{question.name}: {times:.2f} times as long among {people} people")
                    print(asyncio.run(explain(urls.database, question)))
    rows = [
        {
            "question": question.name,
            **{
                f"{name} ms, {people * SESSIONS * MESSAGES:,} messages": round(found[people][question.name][place], 2)
                for people in steps
                for place, name in enumerate(("p50", "p95"))
            },
            "times as long": round(_grown(found[steps[0]][question.name], found[steps[-1]][question.name]), 2),
        }
        for question in questions()
    ]
    results.show(rows)
    results.keep("lists", vars(chosen), rows)


if __name__ == "__main__":
    main()
