"""What clients really subscribe to is planned, every event of it."""

from random import Random

from graphql import FieldNode, get_named_type, parse, validate
from graphql.utilities import get_operation_ast

from resolvers.root import api
from tests.plan.values import Values
from tests.plan.written import subscriptions
from transports.plan import Plan, compile


def test_every_subscription_of_clients_and_pages_is_planned_and_those_of_sessions_for_all_their_events() -> None:
    written = list(subscriptions())
    assert len({where.split(",")[0] for where, _ in written}) >= 5

    for where, text in written:
        syntax = parse(text)
        assert validate(api._schema, syntax) == [], where
        plan = compile(api._schema, syntax, variables={"id": "1"})
        assert isinstance(plan, Plan), where
        field = _root_field(text)
        if field.name.value == "changes":
            continue  # a sidebar's line may have edges, such as a session's project; graphql-core follows those
        for seed in range(30):
            assert plan.encode(Values(Random(seed)).made(_type_of(field))).startswith(b'{"data":{'), where


def _type_of(field: FieldNode) -> str:
    assert api._schema.subscription_type is not None
    return str(get_named_type(api._schema.subscription_type.fields[field.name.value].type))


def _root_field(text: str) -> FieldNode:
    operation = get_operation_ast(parse(text))
    assert operation is not None
    (field,) = operation.selection_set.selections
    assert isinstance(field, FieldNode)
    return field
