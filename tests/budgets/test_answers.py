"""What an answer may have and take, at a real server: too much is refused, before it is read or while it is."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self
from uuid import uuid4

import asyncpg
import pytest
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError

from bench.machine import resident_bytes
from db.budgets import ANSWER_ROWS
from tests.budgets.test_costs import rows
from tests.server import uses
from tests.server.callers import Answer, Caller
from tests.server.conftest import Start
from tests.server.served import Served
from tests.server.test_bad_input import transport

NODE = "edges { node { id } }"
REFUSED = {"DOCUMENT_TOO_COMPLEX", "SERVICE_UNAVAILABLE"}
BYTES = 2_000_000
"""What an answer may take at the small server."""


def attack() -> str:
    pages = " ".join(f"m{number}: messages(first: 100) {{ {NODE} }}" for number in range(190))
    return f"{{ sessions(first: 100) {{ edges {{ node {{ {pages} }} }} }} }}"


@asynccontextmanager
async def locked(database: str) -> AsyncIterator[None]:
    """Within this, nobody reads sessions or messages: who tries, waits."""
    connection = await asyncpg.connect(database)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE sessions, messages, memberships IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def test_too_many_rows_are_refused_before_any_is_read(caller: Caller, database: str) -> None:
    async with locked(database), asyncio.timeout(10):
        answer = await caller.ask(attack())

    (error,) = answer.errors
    assert answer.data is None
    assert error["message"].startswith(
        "The answer could have 1,900,100 rows; 25,000 are allowed. Ask for shorter pages"
    )
    assert error["extensions"] == {
        "code": "DOCUMENT_TOO_COMPLEX",
        "limit": "rows",
        "allowed": ANSWER_ROWS,
        "actual": 1_900_100,
    }


SESSIONS = f"""query ($n: Int) {{ sessions(first: $n) {{ edges {{ node {{
    messages(first: 100) {{ {NODE} }} turns(first: 100) {{ edges {{ node {{ answers {{ id }} }} }} }} }} }} }} }}"""
THINGS = """query ($n: Int) { nodes(ids: IDS) { ... on Session { messages(first: $n) {
    edges { node { run { id } siblings { count } revisions(first: 100) { version } } } } } } }"""


@pytest.mark.parametrize(("text", "few", "many"), [(SESSIONS, 2, 100), (THINGS, 1, 100)])
async def test_variables_count(caller: Caller, text: str, few: int, many: int) -> None:
    text = text.replace("IDS", "[" + ", ".join(f'"{uuid4()}"' for _ in range(100)) + "]")

    assert (await caller.ask(text, n=few)).codes == []
    assert (await caller.ask(text, n=many)).codes == ["DOCUMENT_TOO_COMPLEX"]


async def test_events_count(served: Served) -> None:
    page = "messages(first: 100) { edges { node { run { id } siblings { count } } } }"
    pages = " ".join(f"m{number}: {page}" for number in range(190))
    request = gql(f"subscription {{ changes {{ ... on SessionChanged {{ session {{ {pages} }} }} }} }}")

    async with Client(transport=transport(served)) as client:
        with pytest.raises(TransportQueryError, match="The answer could have 57,001 rows"):
            await anext(client.subscribe(request))


@pytest.mark.parametrize("use", [*uses.QUERIES.values(), *uses.MUTATIONS.values(), *uses.SUBSCRIPTIONS.values()])
def test_what_clients_ask_for_is_little(use: uses.Use) -> None:
    assert rows(use.document, **use.filled(defaultdict(str))) < ANSWER_ROWS / 5


NAMES = " ".join(f"c{n}: content" for n in range(190))


class Talk:
    """A session with long messages, each of so many characters."""

    def __init__(self, caller: Caller, id: str, texts: list[str]) -> None:
        self.caller, self.id, self.texts = caller, id, texts

    @classmethod
    async def told(cls, caller: Caller, *lengths: int) -> Self:
        texts = [f"{number}".ljust(length, "x") for number, length in enumerate(lengths)]
        first = await caller.send(texts[0], reply=False)
        for text in texts[1:]:
            await caller.send(text, reply=False, sessionId=first["session"]["id"])
        return cls(caller, first["session"]["id"], texts)

    async def ask(self, selection: str) -> Answer:
        return await self.caller.ask(f'{{ session(id: "{self.id}") {{ {selection} }} }}')


@pytest.fixture(scope="module")
async def small(start: Start) -> AsyncIterator[Caller]:
    """The local user at a server whose answers take little."""
    async with start(answer_bytes=BYTES) as served, Caller.at(served.graphql) as caller:
        yield caller


@pytest.fixture(scope="module")
async def talk(small: Caller) -> Talk:
    return await Talk.told(small, *[10, 100_000, 20, 50_000, 31_000, 33_000, 30])


async def test_a_page_with_long_messages_is_whole_and_in_order(talk: Talk) -> None:
    answer = await talk.ask("messages { edges { node { content parts { ... on TextPart { text } } } } }")

    nodes = [edge["node"] for edge in answer.data["session"]["messages"]["edges"]]
    assert nodes == [{"content": text, "parts": [{"text": text}]} for text in talk.texts]


@pytest.mark.parametrize(
    "selection",
    [
        " ".join(f"m{n}: messages(first: 100) {{ edges {{ node {{ content }} }} }}" for n in range(190)),
        " ".join(f"m{n}: messages(first: 100) {{ edges {{ node {{ id siblings {{ count }} }} }} }}" for n in range(90)),
        " ".join(f"m{n}: turns {{ edges {{ node {{ question {{ content }} }} }} }}" for n in range(19)),
        f"messages {{ edges {{ node {{ {NAMES} }} }} }}",
        f"messages {{ edges {{ node {{ siblings {{ count }} {NAMES} }} }} }}",
        f"messages {{ edges {{ node {{ {NAMES.replace('content', 'parts { ... on TextPart { text } }')} }} }} }}",
    ],
)  # fmt: skip
async def test_too_many_bytes_are_refused(talk: Talk, selection: str) -> None:
    answer = await talk.ask(selection)

    (error,) = answer.errors
    assert answer.data is None
    assert error["message"].startswith("The answer takes more than 2,000,000 bytes. Ask for shorter pages")
    assert (error["extensions"]["code"], error["extensions"]["limit"]) == ("DOCUMENT_TOO_COMPLEX", "bytes")
    assert error["extensions"]["allowed"] == BYTES < error["extensions"]["actual"]
    assert (await talk.ask("messages { edges { node { id } } }")).errors == []


async def test_things_by_their_ids_and_revisions_count(talk: Talk) -> None:
    page = (await talk.ask("messages { edges { node { id } } }")).data["session"]["messages"]["edges"]
    ids = [edge["node"]["id"] for edge in page]
    nodes = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Message { content } } }"
    for number in range(9):
        await talk.caller.change("reviseMessage", id=ids[2], text=f"{number}".ljust(190_000, "y"))

    some = await talk.caller.ask(nodes, ids=ids[:2])
    many = await talk.caller.ask(nodes, ids=ids[1:2] * 50)
    names = " ".join(f"{'a' * 400}{n}: id" for n in range(190))
    named = await talk.caller.ask(nodes.replace("content", names), ids=ids[:1] * 50)
    revisions = await talk.caller.ask("query ($id: ID!) { message(id: $id) { revisions { content } } }", id=ids[2])
    fewer = await talk.caller.ask(
        "query ($id: ID!) { message(id: $id) { revisions(first: 2) { content } } }", id=ids[2]
    )

    assert [node["content"] for node in some.data["nodes"]] == talk.texts[:2]
    assert [many.codes, named.codes, revisions.codes] == [["DOCUMENT_TOO_COMPLEX"]] * 3
    assert [len(each["content"]) for each in fewer.data["message"]["revisions"]] == [190_000, 190_000]


async def test_what_a_mutation_has_done_is_done_and_can_be_asked_for_again(small: Caller) -> None:
    talk = await Talk.told(small, 10)
    page = " ".join(f"m{n}: messages {{ edges {{ node {{ content }} }} }}" for n in range(19))
    send = """mutation ($id: ID!, $text: String!) { sendMessage(
        input: {sessionId: $id, text: $text, reply: false}, clientMutationId: "once"
    ) { ... on SendMessagePayload { session { messageCount PAGE } } } }"""
    variables = {"id": talk.id, "text": "z" * 150_000}

    first = await small.ask(send.replace("PAGE", page), **variables)
    again = await small.ask(send.replace("PAGE", ""), **variables)

    assert first.codes == ["DOCUMENT_TOO_COMPLEX"]
    assert again.data == {"sendMessage": {"session": {"messageCount": 2}}}


async def test_many_large_answers_at_once_take_bounded_memory(start: Start) -> None:
    """Without a bound, each of them would be half a gigabyte."""
    async with start(answer_bytes=10_000_000) as served, Caller.at(served.graphql) as caller:
        talk = await Talk.told(caller, *[200_000] * 14)
        pages = " ".join(f"m{n}: messages(first: 100) {{ edges {{ node {{ content }} }} }}" for n in range(190))
        assert (await talk.ask("messages { edges { node { content } } }")).errors == []
        usual = most = resident_bytes(served.process.pid)
        asked = asyncio.gather(*(talk.ask(pages) for _ in range(20)))
        while not asked.done():
            most = max(most, resident_bytes(served.process.pid))
            await asyncio.wait([asked], timeout=0.01)

        assert {code for answer in await asked for code in answer.codes} <= REFUSED
        assert most - usual < 300_000_000
