"""What clients really subscribe to is planned, every event of it."""

from random import Random

from graphql import FieldNode, get_named_type, parse, validate
from graphql.utilities import get_operation_ast

from resolvers.root import api
from server.graphql.plan import Plan, compile
from tests.plan.values import Values
from tests.plan.written import subscriptions


def test_every_subscription_of_clients_and_pages_is_planned_for_all_its_events() -> None:
    written = list(subscriptions())
    assert len({where.split(",")[0] for where, _ in written}) >= 5

    for where, text in written:
        syntax = parse(text)
        assert validate(api._schema, syntax) == [], where
        plan = compile(api._schema, syntax, variables={"id": "1"})
        assert isinstance(plan, Plan), where
        for seed in range(30):
            assert plan.encode(Values(Random(seed)).made(_root_type(text))).startswith(b'{"data":{'), where


def _root_type(text: str) -> str:
    operation = get_operation_ast(parse(text))
    assert operation is not None
    assert api._schema.subscription_type is not None
    (field,) = operation.selection_set.selections
    assert isinstance(field, FieldNode)
    return str(get_named_type(api._schema.subscription_type.fields[field.name.value].type))
