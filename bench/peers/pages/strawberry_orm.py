"""Strawberry over the ORM of SQLAlchemy, as their documentations have it."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL

from bench.peers.pages.serving import DATABASE, VIEWER, serve
from db import models
from db.database import address

engine = create_async_engine(address(DATABASE), pool_size=10)
begin = async_sessionmaker(engine)

strawberry.enum(models.MessageRole)
strawberry.enum(models.MessageStatus)


@strawberry.interface
class Part:
    index: int


@strawberry.type
class TextPart(Part):
    text: str


@strawberry.type
class ReasoningPart(Part):
    text: str


@strawberry.type
class ToolCallPart(Part):
    call_id: strawberry.ID
    name: str
    arguments: str


@strawberry.type
class ToolResultPart(Part):
    call_id: strawberry.ID
    name: str
    content: str
    is_error: bool


def part(index: int, stored: dict[str, Any]) -> Part:
    match stored["kind"]:
        case "toolCall":
            return ToolCallPart(index=index, call_id=stored["id"], name=stored["name"], arguments=stored["text"])
        case "toolResult":
            return ToolResultPart(
                index=index,
                call_id=stored["callId"],
                name=stored["name"],
                content=stored["text"],
                is_error=stored["isError"],
            )
        case "reasoning":
            return ReasoningPart(index=index, text=stored["text"])
        case _:
            return TextPart(index=index, text=stored["text"])


@strawberry.type
class Message:
    id: strawberry.ID
    parent_id: strawberry.ID | None
    role: models.MessageRole
    status: models.MessageStatus
    created_at: datetime
    parts: list[Part]


@strawberry.type
class MessageEdge:
    cursor: str
    node: Message


@strawberry.type
class PageInfo:
    has_previous_page: bool
    start_cursor: str | None


@strawberry.type
class MessageConnection:
    page_info: PageInfo
    edges: list[MessageEdge]


@strawberry.type
class Session:
    id: strawberry.ID
    title: str | None
    branch: strawberry.Private[int]

    @strawberry.field
    async def messages(self, last: int) -> MessageConnection:
        rows = select(models.Message).where(
            models.Message.session_id == UUID(self.id), models.Message.branch == self.branch
        )
        async with begin() as tx:
            found = (await tx.scalars(rows.order_by(models.Message.depth.desc()).limit(last + 1))).all()
        edges = [MessageEdge(cursor=cursor(row), node=shown(row)) for row in found[last - 1 :: -1]]
        info = PageInfo(has_previous_page=len(found) > last, start_cursor=edges[0].cursor if edges else None)
        return MessageConnection(page_info=info, edges=edges)


def cursor(row: models.Message) -> str:
    key = json.dumps(["message", row.branch, row.depth], separators=(",", ":"))
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def shown(row: models.Message) -> Message:
    return Message(
        id=strawberry.ID(str(row.id)),
        parent_id=None if row.parent_id is None else strawberry.ID(str(row.parent_id)),
        role=row.role,
        status=row.status,
        created_at=row.created_at,
        parts=[part(index, stored) for index, stored in enumerate(row.parts)],
    )


@strawberry.type
class Query:
    @strawberry.field
    async def session(self, id: strawberry.ID) -> Session | None:
        query = (
            select(models.Session, func.coalesce(models.Membership.branch, models.Session.current_branch))
            .join(models.Membership, models.Membership.session_id == models.Session.id)
            .where(models.Session.id == UUID(id), models.Membership.user_id == UUID(VIEWER))
            .where(models.Session.deleted_at.is_(None))
        )
        async with begin() as tx:
            found = (await tx.execute(query)).one_or_none()
        return None if found is None else Session(id=id, title=found[0].title, branch=found[1])


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    yield
    await engine.dispose()


if __name__ == "__main__":
    schema = strawberry.Schema(query=Query, types=[TextPart, ReasoningPart, ToolCallPart, ToolResultPart])
    serve(Starlette(routes=[Route("/graphql", GraphQL(schema))], lifespan=lifespan))
