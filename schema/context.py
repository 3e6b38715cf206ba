"""What the fields of one operation share."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from chat import agents, messages, projects, runs, sessions
from chat.scope import Scope
from db import models, rows

if TYPE_CHECKING:
    type Info = strawberry.Info["Context", None]
else:
    Info = strawberry.Info


@dataclass(slots=True)
class Context:
    """Made anew for each operation. A subscription's lives long, so its loaders batch but do not cache."""

    scope: Scope
    resumed_at: str | None = None
    """The cursor that an event stream had come to which resumes; it counts more than the operation's `after`."""
    projects: DataLoader[UUID, models.Project | None] = field(init=False)
    agents: DataLoader[UUID, models.Agent | None] = field(init=False)
    sessions: DataLoader[UUID, rows.Seen | None] = field(init=False)
    messages: DataLoader[UUID, models.Message | rows.Message | None] = field(init=False)
    runs: DataLoader[UUID, models.Run | None] = field(init=False)
    active_runs: DataLoader[UUID, Sequence[models.Run]] = field(init=False)

    def __post_init__(self) -> None:
        scope = self.scope
        self.projects = DataLoader(lambda ids: projects.of_ids(scope, ids), cache=False)
        self.agents = DataLoader(lambda ids: agents.of_ids(scope, ids), cache=False)
        self.sessions = DataLoader(lambda ids: sessions.of_ids(scope, ids), cache=False)
        self.messages = DataLoader(lambda ids: messages.of_ids(scope, ids), cache=False)
        self.runs = DataLoader(lambda ids: runs.of_ids(scope, ids), cache=False)
        self.active_runs = DataLoader(lambda ids: runs.active(scope, ids), cache=False)
