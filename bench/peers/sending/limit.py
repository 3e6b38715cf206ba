"""The limit: the same rows by hand, from raw asyncpg, in Starlette without GraphQL."""

from uuid import uuid4

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.peers.pages.limit import lifespan
from bench.peers.pages.serving import VIEWER, serve

BEGIN = (
    "INSERT INTO sessions (id, owner_id) VALUES ($1, $2)",
    "INSERT INTO memberships (session_id, user_id, role) VALUES ($1, $2, 'owner')",
    "INSERT INTO branches (session_id, number, lineage, starts) SELECT $1, 0, '{0}', '{0}' WHERE $2::uuid IS NOT NULL",
)
SESSION = """
    UPDATE sessions SET head = head + 1, message_count = message_count + 1, last_message_preview = $2,
        last_activity_at = clock_timestamp(), title = coalesce(title, $2)
    WHERE id = $1 AND deleted_at IS NULL
        AND EXISTS (SELECT FROM memberships WHERE session_id = $1 AND user_id = $3 AND role <> 'reader')
    RETURNING head, current_branch, last_activity_at
"""
MESSAGE = """
    INSERT INTO messages (id, session_id, parent_id, branch, depth, role, status, parts, content, author_id, seq)
    SELECT $1, $2, tip.id, $3, coalesce(tip.depth + 1, 0), 'user', 'complete', $4, $5, $6, $7
    FROM (SELECT) AS one LEFT JOIN LATERAL (
        SELECT id, depth FROM messages WHERE session_id = $2 AND branch = $3 ORDER BY depth DESC LIMIT 1
    ) AS tip ON true
"""
MEMBERS = "SELECT member, head FROM transom_touch_members($1, $2, $3, $4)"


async def answer(request: Request) -> Response:
    asked = orjson.loads(await request.body())
    data = await (send if "session" in asked["variables"] else begin)(request, asked["variables"].get("session"))
    return Response(orjson.dumps({"data": data}), media_type="application/json")


async def begin(request: Request, _: object) -> object:
    id = uuid4()
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        for statement in BEGIN:
            await connection.execute(statement, id, VIEWER)
    return {"createSession": {"session": {"id": str(id)}}}


async def send(request: Request, session_id: str) -> object:
    id, text = uuid4(), "Well?"
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        head, branch, activity = await connection.fetchrow(SESSION, session_id, text, VIEWER)
        parts = orjson.dumps([{"kind": "text", "text": text}]).decode()
        await connection.execute(MESSAGE, id, session_id, branch, parts, text, VIEWER, head)
        await connection.fetch(MEMBERS, session_id, activity, head, VIEWER)
    return {"sendMessage": {"message": {"id": str(id)}}}


if __name__ == "__main__":
    serve(Starlette(routes=[Route("/graphql", answer, methods=["POST"])], lifespan=lifespan))
