"""The limit: the same JSON, written by hand, from raw asyncpg through orjson, in Starlette without GraphQL."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.peers.pages.serving import DATABASE, MESSAGES, SESSION, VIEWER, serve

LAST = 50


def part(index: int, stored: dict[str, Any]) -> dict[str, Any]:
    match stored["kind"]:
        case "toolCall":
            return {
                "__typename": "ToolCallPart",
                "index": index,
                "callId": stored["id"],
                "name": stored["name"],
                "arguments": stored["text"],
            }
        case "toolResult":
            return {
                "__typename": "ToolResultPart",
                "index": index,
                "callId": stored["callId"],
                "name": stored["name"],
                "content": stored["text"],
                "isError": stored["isError"],
            }
        case "reasoning":
            return {"__typename": "ReasoningPart", "index": index, "text": stored["text"]}
        case _:
            return {"__typename": "TextPart", "index": index, "text": stored["text"]}


def edge(row: asyncpg.Record) -> dict[str, Any]:
    parent = row["parent_id"]
    return {
        "cursor": base64.urlsafe_b64encode(orjson.dumps(["message", row["branch"], row["depth"]])).decode().rstrip("="),
        "node": {
            "id": str(row["id"]),
            "parentId": None if parent is None else str(parent),
            "role": row["role"].upper(),
            "status": row["status"].upper(),
            "createdAt": row["created_at"],
            "parts": [part(index, each) for index, each in enumerate(orjson.loads(row["parts"]))],
        },
    }


async def page(request: Request) -> Response:
    async with request.app.state.pool.acquire() as connection:
        session = await connection.fetchrow(SESSION, request.query_params["id"], VIEWER)
        rows = await connection.fetch(MESSAGES, session["id"], session["branch"], LAST + 1)
    edges = [edge(row) for row in rows[LAST - 1 :: -1]]
    found = {
        "id": str(session["id"]),
        "title": session["title"],
        "messages": {
            "pageInfo": {"hasPreviousPage": len(rows) > LAST, "startCursor": edges[0]["cursor"]},
            "edges": edges,
        },
    }
    return Response(orjson.dumps({"data": {"session": found}}), media_type="application/json")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with asyncpg.create_pool(DATABASE, min_size=10, server_settings={"jit": "off"}) as app.state.pool:
        yield


if __name__ == "__main__":
    serve(Starlette(routes=[Route("/page", page)], lifespan=lifespan))
