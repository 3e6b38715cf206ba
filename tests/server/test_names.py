"""The names of arguments follow one rule, and a cursor is of one of two kinds."""

from collections.abc import Iterator, Mapping

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_named_type,
    is_introspection_type,
    parse,
    validate,
)

from resolvers.root import api
from transports.plan import leaves

SCHEMA = api._schema
OBJECTS = [
    each
    for each in SCHEMA.type_map.values()
    if isinstance(each, GraphQLObjectType | GraphQLInterfaceType) and not is_introspection_type(each)
]
INPUTS = [each for each in SCHEMA.type_map.values() if isinstance(each, GraphQLInputObjectType)]

type Arguments = Mapping[str, str]
"""The type of each argument, without what makes a list of it or forbids null."""


def given() -> Iterator[tuple[str, Arguments]]:
    """The arguments of every field, and the fields of every input. Those of a batch are mutations."""
    for owner in OBJECTS:
        for name, field in owner.fields.items():
            yield f"{owner.name}.{name}", {each: str(get_named_type(of.type)) for each, of in field.args.items()}
    for input in INPUTS:
        if input.name != "BatchedMutation":
            yield input.name, {each: str(get_named_type(of.type)) for each, of in input.fields.items()}


def test_an_id_is_called_id_or_the_id_of_something() -> None:
    ids = {name for _, arguments in given() for name, kind in arguments.items() if kind == "ID"}

    assert {"id", "ids", "messageId", "beforeId", "throughId"} <= ids
    assert [name for name in ids if name not in {"id", "ids"} and not name.endswith("Id")] == []


def test_what_a_mutation_makes_or_is_about_is_its_id() -> None:
    of = dict(given())
    mutations = {name: arguments for name, arguments in of.items() if name.startswith("Mutation.")}
    inputs = {name: of.get(arguments.get("input", ""), {}) for name, arguments in mutations.items()}
    ids = {name: {n for n, kind in {**mutations[name], **inputs[name]}.items() if kind == "ID"} for name in mutations}

    assert len(ids) > 40
    assert [name for name, named in ids.items() if named and not named & {"id", "ids"}] == []


def test_every_cursor_is_of_one_of_the_two_kinds() -> None:
    fields = {
        f"{owner.name}.{name}": str(get_named_type(field.type))
        for owner in OBJECTS
        for name, field in owner.fields.items()
        if name.lower().endswith("cursor")
    }
    arguments = {
        f"{of}.{name}": kind for of, given_ in given() for name, kind in given_.items() if name in {"after", "upTo"}
    }
    pages = {name for name, kind in fields.items() if kind == "PageCursor"}

    assert set(fields.values()) == {"PageCursor", "SyncCursor"}
    lists = {name for name in fields if name.split(".")[0].endswith(("Edge", "PageInfo"))}
    assert lists | {"Message.pageCursor"} == pages
    assert {name: kind for name, kind in arguments.items() if kind != "PageCursor"} == {
        "Session.around.after": "Int",
        "Mutation.markRead.upTo": "SyncCursor",
        "MarkReadInput.upTo": "SyncCursor",
        "Subscription.session.after": "SyncCursor",
        "Subscription.changes.after": "SyncCursor",
    }


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("PageCursor", "subscription ($c: {}) {{ changes(after: $c) {{ __typename }} }}"),
        ("String", "subscription ($c: {}) {{ changes(after: $c) {{ __typename }} }}"),
        ("SyncCursor", "query ($c: {}) {{ sessions(after: $c) {{ totalCount }} }}"),
    ],
)
def test_one_kind_does_not_go_where_the_other_belongs(given: str, field: str) -> None:
    (error,) = validate(SCHEMA, parse(field.format(given)))

    assert f"Variable '$c' of type '{given}' used in position expecting type" in error.message


@pytest.mark.parametrize("name", ["SyncCursor", "PageCursor"])
def test_a_plan_writes_a_cursor_as_it_is(name: str) -> None:
    scalar = SCHEMA.get_type(name)

    assert leaves.test(scalar, "v") == "type(v) is str"  # type: ignore[arg-type]
