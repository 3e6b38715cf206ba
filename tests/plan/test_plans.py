"""What a plan promises, one by one."""

from collections.abc import Iterator
from dataclasses import fields
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import GraphQLOutputType, parse
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionResult

from db.models import MessageRole
from resolvers.root import CONFIG, api
from resolvers.root import PARTS as ALL_PARTS
from schema.connection import Edge, PageInfo
from schema.cursor import PageCursor
from schema.event import TextDelta
from schema.message import MessageConnection
from schema.part import Part, TextPart
from tests.plan.judge import executed, planned, told
from tests.plan.probe import SCHEMA, Leaves, Root
from tests.plan.values import PARTS, Like, Values, faults
from transports.plan import Plan, PlannedExecutor, Plans, Unplanned, compile, execution
from transports.plan.plans import MOST_CHOICES
from transports.plan.writing import MOST_FIELDS

ID = strawberry.ID
DELTA = TextDelta(run_id=ID("r"), message_id=ID("m"), index=0, offset=7, text="Hü")


def made(name: str, **given: object) -> Any:
    """An object of the type of this name, in which some attributes are given."""
    value = Values(Random(0)).made(name)
    for attribute, each in given.items():
        setattr(value, attribute, each)
    return value


def message(**given: object) -> Any:
    parts = [TextPart(index=0, text="Hi")]
    return made("Message", **{"id": ID("m"), "role": MessageRole.USER, "parts": parts, **given})


def plan(text: str) -> Plan | None:
    return compile(api._schema, parse(text))


def following(selection: str) -> Plan:
    found = plan(f'subscription {{ told: session(id: "s") {selection} }}')
    assert found is not None
    return found


def test_a_delta_is_the_result_of_the_subscription() -> None:
    text = following("{ __typename ... on TextDelta { messageId at: offset text } }")

    assert text.encode(DELTA) == (
        '{"data":{"told":{"__typename":"TextDelta","messageId":"m","at":7,"text":"Hü"}}}'.encode()
    )


def test_what_merges_is_told_once_in_the_order_of_its_first_mention() -> None:
    merged = following(
        """{ ... on MessageChanged { message { id } cursor } ...Text ... on MessageChanged { message { id role } } } }
        fragment Text on SessionEvent { ... on MessageChanged { message { parts { ... on TextPart { text } } } }"""
    )

    assert merged.encode(made("MessageChanged", cursor="c", message=message())) == (
        b'{"data":{"told":{"message":{"id":"m","parts":[{"text":"Hi"}],"role":"USER"},"cursor":"c"}}}'
    )


def test_variables_that_no_directive_reads_make_no_difference() -> None:
    plans = Plans(
        api._schema,
        parse("""subscription ($id: ID!, $all: Boolean = false) {
            session(id: $id) { ... on TextDelta { text offset @include(if: $all) } } }"""),
    )
    one, other, more = (plans.of(each) for each in ({"id": "1"}, {"id": "2", "all": False}, {"id": "1", "all": True}))

    assert one is not None
    assert more is not None
    assert one is other
    assert len({one, other, more}) == 2
    assert one.encode(DELTA) == '{"data":{"session":{"text":"Hü"}}}'.encode()
    assert more.encode(DELTA) == '{"data":{"session":{"text":"Hü","offset":7}}}'.encode()


def test_few_choices_are_remembered() -> None:
    names = [f"v{number}" for number in range(4)]
    declared = " ".join(f"${name}: Boolean!" for name in names)
    shown = " ".join(f"{name}: text @skip(if: ${name})" for name in names)
    document = parse(f'subscription ({declared}) {{ session(id: "s") {{ ... on TextDelta {{ {shown} }} }} }}')
    plans = Plans(api._schema, document)
    every = [{name: bool(number >> bit & 1) for bit, name in enumerate(names)} for number in range(16)]

    assert len({plans.of(each) for each in every}) == 16
    newest = plans.of(every[-1])
    assert plans.of(every[-1]) is newest
    assert len(plans._wholes) == MOST_CHOICES


@pytest.mark.parametrize(
    "text",
    [
        'subscription { session(id: "s") @defer { __typename } }',
        "subscription ($x: Boolean!) { changes { ... on Reset { reason @skip(if: $x) } } }",
        "{ viewer { id } projects { pageInfo { hasNextPage } } }",
        "{ __schema { queryType { name } } }",
        "{ __typename }",
        "{ projects { totalCount } }",
        '{ session(id: "s") { messages { edges { cursor } } } }',
        '{ run(id: "r") { message { id } } }',
        "query Named @live { viewer { id } }",
    ],
)
def test_what_only_graphql_core_can_do_has_no_plan(text: str) -> None:
    assert plan(text) is None


def test_a_selection_beyond_all_measure_has_no_plan() -> None:
    shown = " ".join(f"a{number}: __typename" for number in range(MOST_FIELDS + 1))

    assert plan(f'{{ message(id: "m") {{ parts {{ {shown} }} }} }}') is None


def test_an_event_that_needs_a_resolver_leaves_the_others_planned() -> None:
    mixed = following("{ ... on TextDelta { text } ... on RunChanged { run { message { id } } } }")

    assert mixed.encode(DELTA) == '{"data":{"told":{"text":"Hü"}}}'.encode()
    with pytest.raises(Unplanned):
        mixed.encode(made("RunChanged"))


class Raising(TextDelta):
    @property
    def text(self) -> str:  # type: ignore[override]
        raise ValueError("an attribute that raises")


@pytest.mark.parametrize(
    "event",
    [
        None,
        {"text": "a dict"},
        ValueError("an error"),
        message(),
        TextDelta(run_id=ID("r"), message_id=ID("m"), index=0, offset=2**31, text=""),
        TextDelta(run_id=ID("r"), message_id=ID("m"), index=0, offset=0, text=None),  # type: ignore[arg-type]
        object.__new__(Raising),
    ],
    ids=["null", "dict", "error", "other", "too large", "null inside", "raises"],
)
def test_a_value_that_may_be_an_error_is_declined(event: object) -> None:
    with pytest.raises(Unplanned):
        following("{ __typename ... on TextDelta { offset text } }").encode(event)


@pytest.mark.parametrize("name", [field.name for field in fields(Leaves)])
async def test_a_leaf_takes_every_odd_value_as_graphql_core_does(name: str) -> None:
    document = parse(f"{{ leaves {{ {name} }} }}")
    plan = Plans(SCHEMA, document).of(None)
    assert plan is not None

    for odd in faults():
        value = made("Leaves", **{name: [odd]})
        expected = told(await executed(document, {}, "leaves", value))
        try:
            assert (plan.encode(value), []) == expected, odd
        except Unplanned:
            continue


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
async def test_a_class_below_a_types_is_told_as_graphql_core_tells_it(part: Part) -> None:
    document = parse("{ PartList { __typename index } }")
    plans = Plans(SCHEMA, document)

    expected = told(await executed(document, {}, "PartList", [part]))
    assert told(await planned(document, {}, "PartList", [part], plans)) == expected

    plan = plans.of(None)
    assert plan is not None
    if type(part) is Like:
        assert (plan.encode([part]), []) == expected
    else:
        with pytest.raises(Unplanned):
            plan.encode([part])


async def test_plans_of_one_document_do_nothing_for_another() -> None:
    """Their places are known by the identity of syntax nodes, which could come again."""
    one, other = parse("{ PartList { index } }"), parse("{ PartList { __typename } }")
    plans = Plans(SCHEMA, one)

    result = await planned(other, {}, "PartList", [TextPart(index=0, text="")], plans)

    assert result.data == {"PartList": [{"__typename": "TextPart"}]}
    assert plans._shapes == {}


async def test_a_fragment_that_merges_differently_in_two_places_has_two_shapes() -> None:
    document = parse("""{ SendMessagePayload {
        message { ...M run { id } }
        reply { ...M run { id } parts { __typename } } } }
        fragment M on Message { parts { index } }""")
    value = made("SendMessagePayload", message=message(run_id=None), reply=message(run_id=None))

    result = await planned(document, {}, "SendMessagePayload", value, Plans(SCHEMA, document))

    assert result.data == {
        "SendMessagePayload": {
            "message": {"parts": [{"index": 0}], "run": None},
            "reply": {"parts": [{"index": 0, "__typename": "TextPart"}], "run": None},
        }
    }


def test_a_generator_is_left_untouched() -> None:
    parts: Iterator[Part] = (TextPart(index=number, text="") for number in range(2))
    text = following("{ ... on MessageChanged { message { parts { index } } } }")

    with pytest.raises(Unplanned):
        text.encode(made("MessageChanged", message=message(parts=parts)))
    assert [part.index for part in parts] == [0, 1]


def test_a_name_in_a_document_is_only_ever_a_string() -> None:
    """Keys of a response are written into source."""
    text = following("{ ... on TextDelta { import: text class: text v: text f0: text type: offset sequences: index } }")

    assert text.encode(DELTA) == (
        '{"data":{"told":{"import":"Hü","class":"Hü","v":"Hü","f0":"Hü","type":7,"sequences":0}}}'.encode()
    )


class Counting(PlannedExecutor):
    completed = 0

    def complete_value(self, return_type: GraphQLOutputType, *others: Any) -> Any:
        Counting.completed += 1
        return super().complete_value(return_type, *others)


class Watching(SchemaExtension):
    """Sees every resolver called."""

    def resolve(self, _next: Any, root: Any, info: Any, *others: Any, **arguments: Any) -> Any:
        return _next(root, info, *others, **arguments)


@pytest.mark.parametrize(("watching", "completed"), [([], 6), ([Watching], 11)], ids=["by itself", "watched"])
async def test_strawberry_executes_with_it_unless_an_extension_wants_to_see_all(
    watching: list[type[SchemaExtension]], completed: int
) -> None:
    document = parse("{ Message { id run { id } parts { index } } }")

    class Prepared(SchemaExtension):
        def on_parse(self) -> Iterator[None]:
            self.execution_context.graphql_document = document
            yield

    schema = strawberry.Schema(
        query=Root,
        types=ALL_PARTS,
        extensions=[Prepared, *watching],
        execution_context_class=Counting,
        config=CONFIG,
    )
    Counting.completed = 0
    token = execution.plans.set(Plans(schema._schema, document))
    try:
        result = await schema.execute("{ … }", root_value=SimpleNamespace(Message=message(run_id=None)))
    finally:
        execution.plans.reset(token)

    assert isinstance(result, ExecutionResult)
    assert result.errors is None
    assert result.data == {"Message": {"id": "m", "run": None, "parts": [{"index": 0}]}}
    assert Counting.completed == completed


async def test_a_page_is_shaped_at_once_and_only_its_resolvers_by_graphql_core() -> None:
    async def count() -> int:
        return 50

    page = MessageConnection(
        edges=[Edge(node=message(), cursor=PageCursor(str(number))) for number in range(50)],
        page_info=PageInfo(
            has_next_page=False, has_previous_page=False, start_cursor=PageCursor("0"), end_cursor=PageCursor("49")
        ),
        count=count,
    )
    Counting.completed = 0
    document = parse("{ MessageConnection { totalCount edges { node { id parts { index } } } } }")

    result = await planned(document, {}, "MessageConnection", page, Plans(SCHEMA, document), Counting)

    assert result.errors is None
    assert result.data == {
        "MessageConnection": {
            "totalCount": 50,
            "edges": [{"node": {"id": "m", "parts": [{"index": 0}]}} for _ in range(50)],
        }
    }
    assert Counting.completed == 5  # the connection and its count, which must not be null, and the edges
