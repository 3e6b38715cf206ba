"""Strawberry over the ORM of SQLAlchemy, as their documentations have it."""

from uuid import UUID, uuid4

import strawberry
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL

from bench.peers.pages.serving import VIEWER, serve
from bench.peers.pages.strawberry_orm import begin, lifespan
from db import models

ME = UUID(VIEWER)


@strawberry.type
class Session:
    id: strawberry.ID


@strawberry.type
class Message:
    id: strawberry.ID


@strawberry.type
class SessionPayload:
    session: Session


@strawberry.type
class SendMessagePayload:
    message: Message


@strawberry.input
class CreateSessionInput:
    title: str | None = None


@strawberry.input
class SendMessageInput:
    session_id: strawberry.ID
    text: str
    reply: bool


@strawberry.type
class Query:
    viewer: str = VIEWER


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def create_session(self, input: CreateSessionInput) -> SessionPayload:
        id = uuid4()
        session = models.Session(id=id, owner_id=ME, title=input.title)
        async with begin() as tx, tx.begin():
            tx.add(session)
            await tx.flush()
            tx.add(models.Membership(session_id=id, user_id=ME, role=models.MemberRole.OWNER))
            tx.add(models.Branch(session_id=id, number=0, lineage=[0], starts=[0]))
        return SessionPayload(session=Session(id=strawberry.ID(str(id))))

    @strawberry.mutation
    async def send_message(self, input: SendMessageInput) -> SendMessagePayload:
        id = uuid4()
        async with begin() as tx, tx.begin():
            session = await tx.get_one(models.Session, UUID(input.session_id), with_for_update=True)
            member = await tx.get_one(models.Membership, (session.id, ME))
            branch = session.current_branch if member.branch is None else member.branch
            tips = select(models.Message).where(
                models.Message.session_id == session.id, models.Message.branch == branch
            )
            tip = (await tx.scalars(tips.order_by(models.Message.depth.desc()).limit(1))).one_or_none()
            session.head += 1
            session.message_count += 1
            session.last_message_preview = input.text
            session.last_activity_at = func.clock_timestamp()
            session.title = session.title or input.text
            message = models.Message(
                id=id,
                session_id=session.id,
                parent_id=tip.id if tip else None,
                branch=branch,
                depth=tip.depth + 1 if tip else 0,
                role=models.MessageRole.USER,
                status=models.MessageStatus.COMPLETE,
                parts=[{"kind": "text", "text": input.text}],
                content=input.text,
                author_id=ME,
                seq=session.head,
            )
            tx.add(message)
            await tx.flush()
            user = await tx.get_one(models.User, ME, with_for_update={"key_share": True})
            user.head += 1
            member.seq, member.last_activity_at = user.head, func.clock_timestamp()
        return SendMessagePayload(message=Message(id=strawberry.ID(str(id))))


if __name__ == "__main__":
    schema = strawberry.Schema(query=Query, mutation=Mutation, types=[SessionPayload, SendMessagePayload])
    serve(Starlette(routes=[Route("/graphql", GraphQL(schema))], lifespan=lifespan))
