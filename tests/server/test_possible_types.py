"""Which types there are behind interfaces and unions, for caches that do not know the schema."""

import asyncio
import json
from asyncio.subprocess import PIPE
from pathlib import Path

import httpx
from graphql import GraphQLUnionType

from resolvers.root import api
from tests.server.served import Served


async def test_the_list_is_that_of_the_schema(served: Served) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{served.url}/possibleTypes.json")
        schema = await http.get(f"{served.url}/schema.graphql")

    found = answer.json()
    unions = {name for name, kind in api._schema.type_map.items() if isinstance(kind, GraphQLUnionType)}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers.get("cache-control") == schema.headers.get("cache-control")
    assert found.keys() == unions | {"Node", "Part", "UserError"}
    assert {"NotFound", "InvalidInput", "QuotaExceeded"} < set(found["UserError"])
    assert found["MarkSessionResult"] == ["InvalidInput", "NotFound", "SessionPayload"]


async def test_apollo_client_shows_why_something_was_refused(served: Served, npm: Path) -> None:
    """Without the list, or with an old one, its cache drops the reason; what does not go through the cache has it."""
    script = Path(__file__).with_name("apollo.mjs")
    process = await asyncio.create_subprocess_exec("node", script, served.graphql, cwd=npm, stdout=PIPE)
    async with asyncio.timeout(60):
        printed, _ = await process.communicate()

    shown = json.loads(printed)
    reason = shown["served, network-only"][1]
    assert isinstance(reason, str)
    assert shown == {
        "none, network-only": ["NotFound", None],
        "none, no-cache": ["NotFound", reason],
        "stale, network-only": ["NotFound", None],
        "stale, no-cache": ["NotFound", reason],
        "served, network-only": ["NotFound", reason],
        "served, no-cache": ["NotFound", reason],
    }
