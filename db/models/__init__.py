"""The rows: one class a table, one module a noun."""

from db.models.agent import Agent, WhenFull
from db.models.folder import Folder
from db.models.learned_window import LearnedWindow
from db.models.message import Message, MessageRole, MessageStatus
from db.models.owned import Owned
from db.models.project import Project, StageStatus
from db.models.receipt import Receipt
from db.models.revision import Revision
from db.models.row import Json, Row
from db.models.run import ACTIVE, Delta, Executor, FinishReason, Run, RunStatus
from db.models.session import Branch, MemberRole, Membership, Session, TitleSource
from db.models.size import Size
from db.models.template import Template
from db.models.user import User

__all__ = [
    "ACTIVE",
    "Agent",
    "Branch",
    "Delta",
    "Executor",
    "FinishReason",
    "Folder",
    "Json",
    "LearnedWindow",
    "MemberRole",
    "Membership",
    "Message",
    "MessageRole",
    "MessageStatus",
    "Owned",
    "Project",
    "Receipt",
    "Revision",
    "Row",
    "Run",
    "RunStatus",
    "Session",
    "Size",
    "StageStatus",
    "Template",
    "TitleSource",
    "User",
    "WhenFull",
]
