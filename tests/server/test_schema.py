"""The schema as a whole: checked in, described, and without what must not leave the server."""

from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    is_introspection_type,
    is_specified_scalar_type,
)

from resolvers.root import api

CHECKED_IN = Path(__file__).parents[2] / "schema" / "schema.graphql"
INTERNAL = {"providerRef", "provider_ref", "threadId", "thread_id", "producer", "branch", "depth", "seq"}


def types() -> list[GraphQLNamedType]:
    """Every type of Transom's own."""
    every = api._schema.type_map.values()
    return [each for each in every if not is_introspection_type(each) and not is_specified_scalar_type(each)]


def described() -> Iterator[tuple[str, str | None]]:
    """The name and the description of everything that can have one."""
    for each in types():
        yield each.name, each.description
        match each:
            case GraphQLObjectType() | GraphQLInterfaceType():
                for name, field in each.fields.items():
                    yield f"{each.name}.{name}", field.description
                    for argument, given in field.args.items():
                        yield f"{each.name}.{name}({argument})", given.description
            case GraphQLInputObjectType():
                for name, given in each.fields.items():
                    yield f"{each.name}.{name}", given.description
            case GraphQLEnumType():
                for name, value in each.values.items():
                    yield f"{each.name}.{name}", value.description
            case _:
                pass


def test_the_checked_in_schema_is_the_one_that_is_served() -> None:
    assert CHECKED_IN.is_file(), "Make it: transom schema > schema/schema.graphql"
    assert CHECKED_IN.read_text() == api.as_str() + "\n", "Renew it: transom schema > schema/schema.graphql"


def test_everything_is_described() -> None:
    assert [name for name, description in described() if not (description or "").strip()] == []


def test_descriptions_are_sentences() -> None:
    strawberrys = {"DateTime"}
    said = [(name, text) for name, text in described() if text and name not in strawberrys]

    assert [name for name, text in said if not text.endswith((".", "?"))] == []


def test_no_field_of_a_refusal_is_called_message() -> None:
    """It would collide with the noun."""
    error = api._schema.get_type("UserError")
    assert isinstance(error, GraphQLInterfaceType)
    refusals = api._schema.get_implementations(error).objects

    assert len(refusals) >= 4
    assert [each.name for each in refusals if "message" in each.fields] == []
    assert all(set(error.fields) <= set(each.fields) for each in refusals)


def test_what_is_the_servers_own_stays_there() -> None:
    fields = {
        (each.name, name)
        for each in types()
        if isinstance(each, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType)
        for name in each.fields
    }

    assert [(type_, name) for type_, name in sorted(fields) if name in INTERNAL] == []


def test_every_mutation_can_refuse_as_data() -> None:
    mutation = api._schema.mutation_type
    error = api._schema.get_type("UserError")
    assert mutation
    for name, field in mutation.fields.items():
        members = api._schema.get_possible_types(getattr(field.type, "of_type", field.type))
        payloads = [each.name for each in members if error not in each.interfaces]
        assert len(payloads) == 1, name
        assert payloads[0].endswith("Payload"), name
        assert {"InvalidInput"} <= {each.name for each in members}, name
