from collections.abc import Awaitable, Callable

from tests.graphql.served import Served


async def test_every_public_audit_of_graphql_over_http_passes(
    served: Served, node: Callable[..., Awaitable[str]]
) -> None:
    assert await node("audits.js", served.url) == "61 of 61\n"
