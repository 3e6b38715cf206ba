"""One row in every table, for an account of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

from db.database import Database
from db.models import (
    Agent,
    Branch,
    Delta,
    Folder,
    MemberRole,
    Membership,
    Message,
    MessageRole,
    MessageStatus,
    Project,
    Receipt,
    Revision,
    Run,
    Session,
    Size,
    Template,
    User,
)

type Key = tuple[UUID | int | str, ...]


@dataclass(frozen=True)
class Holdings:
    """An account and what it has: one row of each table."""

    user: UUID
    agent: UUID
    project: UUID
    session: UUID
    message: UUID
    run: UUID
    folder: UUID
    template: UUID

    @property
    def keys(self) -> Mapping[str, Key]:
        """The primary key of the account's row in each table."""
        return {
            "users": (self.user,),
            "agents": (self.agent,),
            "projects": (self.project,),
            "folders": (self.folder,),
            "templates": (self.template,),
            "sessions": (self.session,),
            "memberships": (self.session, self.user),
            "branches": (self.session, 0),
            "messages": (self.message,),
            "revisions": (self.message, 1),
            "runs": (self.run,),
            "deltas": (self.run, 1, 1),
            "receipts": (self.user, "once"),
            "sizes": (self.session,),
        }


async def settle(db: Database) -> Holdings:
    """Makes an account and its rows."""
    held = Holdings(*(uuid4() for _ in range(8)))
    async with db.system() as tx:
        for row in (
            User(id=held.user, subject=held.user.hex),
            Agent(id=held.agent, owner_id=held.user, name="Critic"),
            Project(id=held.project, owner_id=held.user, name="Thesis"),
            Folder(id=held.folder, owner_id=held.user, name="Work", position="8"),
            Template(id=held.template, owner_id=held.user, name="Tour"),
            Session(id=held.session, owner_id=held.user, title="Plans"),
            Membership(session_id=held.session, user_id=held.user, role=MemberRole.OWNER),
            Branch(session_id=held.session, number=0, lineage=[0], starts=[0]),
            Size(session_id=held.session, head=1, bytes=40),
            Message(
                id=held.message,
                session_id=held.session,
                branch=0,
                depth=0,
                role=MessageRole.USER,
                status=MessageStatus.COMPLETE,
                content="Between us",
            ),
            Revision(message_id=held.message, version=1, parts=[], content="Among us"),
            Run(id=held.run, session_id=held.session, message_id=held.message, position=1),
            Delta(run_id=held.run, epoch=1, seq=1, count=1, events="[]"),
            Receipt(user_id=held.user, key="once", digest=b"what was asked for"),
        ):
            tx.add(row)
            await tx.flush()
    return held


async def join(db: Database, held: Holdings, role: MemberRole) -> UUID:
    """Makes another account that is a member of the session."""
    user = User(subject=uuid4().hex)
    async with db.system() as tx:
        tx.add(user)
        await tx.flush()
        tx.add(Membership(session_id=held.session, user_id=user.id, role=role))
    return user.id
