"""Whatever clients write into any argument, they get an answer: it is taken, or refused in words."""

import random
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pytest

from tests.server.callers import Caller
from tests.server.places import Place, places
from tests.server.uses import MUTATIONS, QUERIES, Home

TEXTS = ["\0", "a\0b", "cut \ud83d", "\udc00\ud800", "x" * 250_000, "\u0301", "\\u0000", "é" * 70_000, " \n\u2028"]
NUMBERS: list[Any] = [18446744073709551616, -9223372036854775809, 10**400, float("1e308"), 5e-324, -0.0]
DEEP: Any = []
for _ in range(150):
    DEEP = [DEEP]
HOSTILE: dict[str, list[Any]] = {
    "String": TEXTS,
    "ID": [*TEXTS, 18446744073709551616, "00000000-0000-0000-0000-000000000000", "０" * 32],
    "JSON": [
        *TEXTS,
        *NUMBERS,
        DEEP,
        {"a\0": "\0"},
        {"\ud83d": ["\ud83d", {"\udc00": "\0"}]},
        {"n": NUMBERS[:1]},
        {"n": NUMBERS[3:]},
    ],
    "SyncCursor": TEXTS,
    "PageCursor": TEXTS,
    "DateTime": [
        *TEXTS,
        5,
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59.999999-14:00",
        "0000-01-01T00:00:00Z",
        "infinity",
        "2025-01-01T00:00:00",
        "2016-12-31T23:59:60Z",
    ],
}


def by_field(root: str) -> Iterator[Any]:
    for field, found in groupby(places(root), key=lambda place: place.field):
        yield pytest.param(list(found), id=field)


def known(field: str, home: Home) -> Any:
    """Ids of what there is, for the arguments of a field."""
    uses = QUERIES | MUTATIONS
    own = next((each for each in sorted(uses[field].ids) if each in home.ids), "session")

    def of(name: str) -> str:
        noun = name.removesuffix("Id").removesuffix("Ids")
        return home.ids.get(noun, home.ids[own])

    return of


@pytest.mark.parametrize("found", [*by_field("Query"), *by_field("Mutation")])
async def test_whatever_is_written_there_is_no_incident(caller: Caller, found: list[Place]) -> None:
    home = await Home.of(caller)
    for place in found:
        for value in HOSTILE[place.scalar]:
            document, variables = place.request(value, known(place.field, home))
            answer = await caller.ask(document, **variables)
            assert answer.status == 200, (place, repr(value)[:50], answer.errors)
            assert set(answer.codes) <= {"BAD_USER_INPUT"}, (place, repr(value)[:50], answer.errors)


@pytest.mark.parametrize("seed", range(3))
async def test_random_text_anywhere_is_no_incident(caller: Caller, seed: int) -> None:
    chosen = random.Random(seed)
    home = await Home.of(caller)
    everywhere = [*places("Query", ("String",)), *places("Mutation", ("String",))]
    for place in chosen.sample(everywhere, 40):
        text = "".join(chr(chosen.choice([0, 1, 0x301, 0xD83D, 0xDE00, 0xFFFF, 0x10FFFF, 65])) for _ in range(8))
        document, variables = place.request(text, known(place.field, home))
        answer = await caller.ask(document, **variables)
        assert set(answer.codes) <= {"BAD_USER_INPUT"}, (place, ascii(text), answer.errors)


async def test_every_argument_is_looked_at() -> None:
    """Those that are looked at are those that there are: one of each kind, deep and shallow, stands here."""
    names = {str(place) for root in ("Query", "Mutation") for place in places(root)}
    assert {
        "sessions(filter.title)",
        "sessions(filter.tags)",
        "sessions(after)",
        "createProject(clientMutationId)",
        "sendMessage(input.newSession.externalId)",
        "sendMessage(input.clientCreatedAt)",
        "applyBatch(operations.do.setReaction.emoji)",
        "applyBatch(operations.do.sendMessage.newSession.metadata)",
        "appendToRun(input.events.data.value)",
        "finishRun(input.failure.reason)",
    } <= names
