"""The rows: one class a table, one module a noun."""

from db.models.agent import Agent, WhenFull
from db.models.message import Message, MessageRole, MessageStatus
from db.models.project import Project
from db.models.receipt import Receipt
from db.models.row import Json, Row
from db.models.run import ACTIVE, Delta, Executor, Run, RunStatus
from db.models.session import Branch, MemberRole, Membership, Session, TitleSource
from db.models.user import User

__all__ = [
    "ACTIVE",
    "Agent",
    "Branch",
    "Delta",
    "Executor",
    "Json",
    "MemberRole",
    "Membership",
    "Message",
    "MessageRole",
    "MessageStatus",
    "Project",
    "Receipt",
    "Row",
    "Run",
    "RunStatus",
    "Session",
    "TitleSource",
    "User",
    "WhenFull",
]
