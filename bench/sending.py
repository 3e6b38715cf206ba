"""How much can people and agents write at once, and what happens when it is too much?

    .venv/bin/python -m bench.sending --rounds 3 --seconds 5

Over HTTP, at a server with one core, ever more clients that each wait for their answer before they go on: people who
send messages without asking for a reply (`sendMessage`), and agents outside that append ten tokens at a time to a run
each (`appendToRun`). The first stands beside what a user would write, a mutation of Strawberry over the ORM of
SQLAlchemy, and beside the limit, the same rows by hand in Starlette; the sides take turns. Whoever is too many waits
longer; nobody is turned away, and nothing that was acknowledged is missing in the end, which is checked.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import uvloop

import engines
from bench import machine, pages_rows, results, served
from db import migrate
from server.settings import Settings

CLIENTS = (1, 8, 64, 256)
TOKENS = ["tok "] * 10

BEGIN = "mutation { createSession(input: {}) { ... on SessionPayload { session { id } } } }"
SEND = """mutation ($session: ID!) { sendMessage(input: {sessionId: $session, text: "Well?", reply: false}) {
    ... on SendMessagePayload { message { id } } } }"""
START = """mutation ($message: ID!) { startRun(input: {messageId: $message}) {
    ... on HeldRunPayload { run { id } message { id } } } }"""
APPEND = """mutation ($run: ID!, $from: Int!, $events: [RunEventInput!]!) {
    appendToRun(input: {id: $run, epoch: 1, fromSeq: $from, events: $events}) {
        ... on AppendToRunPayload { lastSeq } } }"""
FINISH = """mutation ($run: ID!, $last: Int!) { finishRun(input: {id: $run, epoch: 1, lastSeq: $last}) {
    ... on FinishRunPayload { message { content } } } }"""


class Client:
    """A connection that stays open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def at(cls, port: int) -> "Client":
        """A connection to the server."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, query: str, **variables: object) -> Any:
        """The payload of an operation with one root field."""
        body = orjson.dumps({"query": query, "variables": variables})
        self._writer.write(
            b"POST /graphql HTTP/1.1\r\nHost: [::1]\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        answer = orjson.loads(await self._reader.readexactly(length))
        assert "errors" not in answer, answer
        (payload,) = answer["data"].values()
        assert payload, "it was refused"
        return payload

    def close(self) -> None:
        """Ends the connection."""
        self._writer.close()


@dataclass
class Tally:
    """What one round did."""

    everybody: asyncio.Barrier
    """All begin together, when all are ready."""
    seconds: float
    latencies: list[float] = field(default_factory=list)
    acknowledged: int = 0


async def sends(client: Client, tally: Tally) -> Callable[[asyncpg.Connection], Awaitable[int]]:
    """A person who sends one message after the other; returns how to count what is stored of it."""
    session = (await client.ask(BEGIN))["session"]["id"]
    await tally.everybody.wait()
    until = time.perf_counter() + tally.seconds
    while (since := time.perf_counter()) < until:
        await client.ask(SEND, session=session)
        tally.latencies.append(time.perf_counter() - since)
        tally.acknowledged += 1

    async def stored(connection: asyncpg.Connection) -> int:
        query = "SELECT count(*) FROM messages WHERE session_id = $1::text::uuid"
        count: int = await connection.fetchval(query, session)
        return count

    return stored


async def appends(client: Client, tally: Tally) -> Callable[[asyncpg.Connection], Awaitable[int]]:
    """An agent that writes one reply; returns how to count the tokens that are stored of it."""
    session = (await client.ask(BEGIN))["session"]["id"]
    message = (await client.ask(SEND, session=session))["message"]["id"]
    run = (await client.ask(START, message=message))["run"]["id"]
    events, last = [{"text": token} for token in TOKENS], 0
    await tally.everybody.wait()
    until = time.perf_counter() + tally.seconds
    while (since := time.perf_counter()) < until:
        last = (await client.ask(APPEND, run=run, **{"from": last + 1}, events=events))["lastSeq"]
        tally.latencies.append(time.perf_counter() - since)
        tally.acknowledged += len(TOKENS)
    content: str = (await client.ask(FINISH, run=run, last=last))["message"]["content"]

    async def stored(_: asyncpg.Connection) -> int:
        return content.count("tok ")

    return stored


KINDS = {"sendMessage": sends, "appendToRun, 10 tokens": appends}

TRANSOM, ORM, LIMIT = "Transom", "Strawberry, ORM", "Starlette, raw asyncpg"
SERVERS = {
    TRANSOM: "bench.peers.pages.transom",
    ORM: "bench.peers.sending.strawberry_orm",
    LIMIT: "bench.peers.sending.limit",
}
SIDES = [(TRANSOM, "sendMessage"), (ORM, "sendMessage"), (LIMIT, "sendMessage"), (TRANSOM, "appendToRun, 10 tokens")]


async def measure(kind: str, port: int, clients: int, seconds: float, url: str, server: served.Served) -> results.Row:
    """One round. Raises `AssertionError` where something acknowledged is missing."""
    tally = Tally(asyncio.Barrier(clients), seconds)
    connections = [await Client.at(port) for _ in range(clients)]
    used = server.processor_seconds
    counts = await asyncio.gather(*(KINDS[kind](each, tally) for each in connections))
    used = server.processor_seconds - used
    database = await asyncpg.connect(url)
    stored = sum([await count(database) for count in counts])
    await database.close()
    for each in connections:
        each.close()
    assert stored == tally.acknowledged, f"{tally.acknowledged - stored} of {tally.acknowledged} are missing"
    ordered = sorted(tally.latencies)
    return {
        "kind": kind,
        "clients": clients,
        "rate": len(ordered) / seconds,
        "p50": 1000 * ordered[len(ordered) // 2],
        "p99": 1000 * ordered[int(0.99 * (len(ordered) - 1))],
        "cpu": 1000 * used / len(ordered),
    }


async def run(chosen: argparse.Namespace, urls: engines.Urls) -> list[results.Row]:
    """All rounds."""
    await migrate.upgrade(urls.database)
    connection = await asyncpg.connect(urls.database)
    await connection.execute("INSERT INTO users (id, subject) VALUES ($1, 'local')", pages_rows.LOCAL)
    await connection.close()
    environment = {
        "TRANSOM_DATABASE_URL": urls.database,
        "TRANSOM_REDIS_URL": urls.redis,
        "TRANSOM_MODEL_URL": "scripted:",
        "VIEWER": str(pages_rows.LOCAL),
    }
    found: dict[tuple[str, str, int], list[results.Row]] = {}
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(served.serving(served.python(module), environment))
            for name, module in SERVERS.items()
        }
        for number in range(chosen.rounds):
            for clients in chosen.clients:
                for name, kind in SIDES:
                    server = servers[name]
                    row = await measure(kind, server.port, clients, chosen.seconds, urls.database, server)
                    found.setdefault((kind, name, clients), []).append(row)
                    print(f"round {number + 1}, {name}, {row}", flush=True)
    return [
        {
            "what": kind,
            "server": name,
            "clients": clients,
            "a second": results.spread([row["rate"] for row in rows]),
            "p50 ms": results.spread([row["p50"] for row in rows]),
            "p99 ms": results.spread([row["p99"] for row in rows]),
            "server ms each": results.spread([row["cpu"] for row in rows], 2),
            "missing": 0,
        }
        for (kind, name, clients), rows in sorted(found.items(), key=lambda each: each[0][0], reverse=True)
    ]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--clients", type=int, nargs="+", default=CLIENTS)
    chosen = options.parse_args()
    machine.settle()
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        engines.running(Settings(data_dir=Path(folder), model_url="scripted:")) as urls,
    ):
        rows = uvloop.run(run(chosen, urls))
    results.keep("sending", vars(chosen), rows)
    results.show(rows)


if __name__ == "__main__":
    main()
