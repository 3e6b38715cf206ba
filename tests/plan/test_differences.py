"""Plans against graphql-core: random documents over all output types, and values of which some are faulty."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest
from graphql import DocumentNode, parse, validate
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.plan.documents import Document
from tests.plan.judge import executed, planned, told
from tests.plan.probe import ROOT, SCHEMA
from tests.plan.values import Values
from transports.plan import Plans, Unplanned

RANDOM = st.randoms(use_true_random=True)
QUICKLY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def drawn(random: Random, *, plain: bool) -> tuple[Document, DocumentNode]:
    """A valid document."""
    document = Document(random, plain)
    syntax = parse(document.text)
    assume(not validate(SCHEMA, syntax))
    return document, syntax


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def test_what_is_plain_is_planned_and_byte_for_byte_the_same(runner: asyncio.Runner) -> None:
    sizes = Counter[int]()

    @QUICKLY
    @given(RANDOM)
    def never_declined(random: Random) -> None:
        document, syntax = drawn(random, plain=True)
        plan = Plans(SCHEMA, syntax).of(document.variables)
        assert plan is not None, document.text
        for _ in range(3):
            value = Values(random).of(ROOT.fields[document.root].type)
            answer = plan.encode(value)
            expected = runner.run(executed(syntax, document.variables, document.root, value))
            assert (answer, []) == told(expected), document.text
            sizes[len(answer).bit_length()] += 1

    never_declined()
    assert sum(count for size, count in sizes.items() if size > 7) > 100, "mostly empty answers would show nothing"


def test_a_fault_is_left_to_graphql_core(runner: asyncio.Runner) -> None:
    seen = Counter[str]()

    @QUICKLY
    @given(RANDOM)
    def same_or_declined(random: Random) -> None:
        document, syntax = drawn(random, plain=True)
        plan = Plans(SCHEMA, syntax).of(document.variables)
        assert plan is not None, document.text
        for _ in range(5):
            value = Values(random, faulty=True).of(ROOT.fields[document.root].type)
            try:
                answer = plan.encode(value)
            except Unplanned:
                seen["declined"] += 1
                continue
            seen["answered"] += 1
            expected = runner.run(executed(syntax, document.variables, document.root, value))
            assert (answer, []) == told(expected), (document.text, value)

    same_or_declined()
    assert seen["declined"] > 50
    assert seen["answered"] > 50


def test_resolvers_and_plans_together_answer_as_graphql_core_does(runner: asyncio.Runner) -> None:
    seen = Counter[str]()

    @QUICKLY
    @given(RANDOM)
    def same(random: Random) -> None:
        document, syntax = drawn(random, plain=False)
        plans = Plans(SCHEMA, syntax)
        plan = plans.of(document.variables)
        for faulty in (False, False, True, True):
            value = Values(random, faulty=faulty).of(ROOT.fields[document.root].type)
            expected = told(runner.run(executed(syntax, document.variables, document.root, value)))
            found = told(runner.run(planned(syntax, document.variables, document.root, value, plans)))
            assert found == expected, (document.text, value)
            seen["resolved"] += document.resolvers > 0
            if plan is not None:
                try:
                    assert (plan.encode(value), []) == expected
                except Unplanned:
                    seen["declined"] += 1

    same()
    assert seen["resolved"] > 30
