"""Ariadne over raw asyncpg. Its types are not known where it is not installed."""

import base64
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg
from graphql import GraphQLResolveInfo
from starlette.applications import Starlette
from starlette.routing import Mount

from bench.peers.pages.limit import lifespan
from bench.peers.pages.serving import MESSAGES, SESSION, VIEWER, serve

ariadne: Any = import_module("ariadne")
asgi: Any = import_module("ariadne.asgi")

KINDS = {"text": "TextPart", "reasoning": "ReasoningPart", "toolCall": "ToolCallPart", "toolResult": "ToolResultPart"}

query, session, message = ariadne.QueryType(), ariadne.ObjectType("Session"), ariadne.ObjectType("Message")
part = ariadne.InterfaceType("Part")
call, result = ariadne.ObjectType("ToolCallPart"), ariadne.ObjectType("ToolResultPart")


async def one(_: Any, info: GraphQLResolveInfo[Any], id: str) -> dict[str, Any] | None:
    pool = info.context["request"].app.state.pool
    row = await pool.fetchrow(SESSION, id, VIEWER)
    return None if row is None else dict(row)


async def messages(row: dict[str, Any], info: GraphQLResolveInfo[Any], last: int) -> dict[str, Any]:
    pool = info.context["request"].app.state.pool
    rows = await pool.fetch(MESSAGES, row["id"], row["branch"], last + 1)
    edges = [{"cursor": cursor(each), "node": dict(each)} for each in rows[last - 1 :: -1]]
    return {
        "edges": edges,
        "pageInfo": {"hasPreviousPage": len(rows) > last, "startCursor": edges[0]["cursor"] if edges else None},
    }


def cursor(row: asyncpg.Record) -> str:
    key = json.dumps(["message", row["branch"], row["depth"]], separators=(",", ":"))
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


query.set_field("session", one)
session.set_field("messages", messages)
message.set_alias("parentId", "parent_id")
message.set_field("role", lambda row, _: row["role"].upper())
message.set_field("status", lambda row, _: row["status"].upper())
message.set_field("createdAt", lambda row, _: row["created_at"].isoformat())
message.set_field(
    "parts", lambda row, _: [{**each, "index": index} for index, each in enumerate(json.loads(row["parts"]))]
)
part.set_type_resolver(lambda stored, *_: KINDS[stored["kind"]])
call.set_alias("callId", "id")
call.set_alias("arguments", "text")
result.set_alias("content", "text")

schema = ariadne.make_executable_schema(
    Path(__file__).with_name("schema.graphql").read_text(), query, session, message, part, call, result
)

if __name__ == "__main__":
    serve(Starlette(routes=[Mount("/graphql", asgi.GraphQL(schema))], lifespan=lifespan))
