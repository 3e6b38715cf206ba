"""The schema as clients' tools read it."""

from functools import cache

from graphql import is_abstract_type, is_introspection_type
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from resolvers.root import api


def routes() -> list[Route]:
    """The schema, and which types there are behind its interfaces and unions."""
    return [Route("/schema.graphql", _sdl), Route("/possibleTypes.json", _possible_types)]


@cache
def possible_types() -> dict[str, list[str]]:
    """The object types of each interface and union, by its name: what Apollo's `InMemoryCache` takes."""
    schema = api._schema
    return {
        name: sorted(each.name for each in schema.get_possible_types(kind))
        for name, kind in sorted(schema.type_map.items())
        if is_abstract_type(kind) and not is_introspection_type(kind)
    }


async def _sdl(_: Request) -> PlainTextResponse:
    return PlainTextResponse(api.as_str() + "\n", media_type="application/graphql; charset=utf-8")


async def _possible_types(_: Request) -> JSONResponse:
    return JSONResponse(possible_types())
