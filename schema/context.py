"""What the fields of one operation share."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from chat.conversation import branches, edits, messages, sessions
from chat.library import agents, counts, folders, projects, templates
from chat.runs import context_use, runs
from chat.scope import Scope
from db import models, revisions, rows
from db.tallies import Tally
from schema import failed, fork, identifier

if TYPE_CHECKING:
    type Info = strawberry.Info["Context", None]
else:
    Info = strawberry.Info


@dataclass(slots=True)
class Context:
    """Made anew for each operation. A subscription's lives long, so its loaders batch but do not cache.

    A loader is made when a field asks for it: most operations need one or none.
    """

    scope: Scope
    resumed_at: str | None = None
    """The cursor that an event stream had come to which resumes; it counts more than the operation's `after`."""
    explain: failed.Explain = failed.raised
    """Tells what a client may know of an exception, and logs the rest of it."""
    patience: float = 20.0
    """Seconds for what a batch holds; less than an operation may take, as its receipts have to get to the client."""
    _loaders: dict[Callable[..., Any], DataLoader[Any, Any]] | None = None

    @property
    def projects(self) -> DataLoader[UUID, models.Project | None]:
        """By their ids, as all the others."""
        return self._loader(projects.of_ids)

    @property
    def agents(self) -> DataLoader[UUID, models.Agent | None]:
        """Agents."""
        return self._loader(agents.of_ids)

    @property
    def sessions(self) -> DataLoader[UUID, rows.Seen | None]:
        """Sessions as the viewer sees them."""
        return self._loader(sessions.of_ids)

    @property
    def messages(self) -> DataLoader[UUID, models.Message | rows.Message | None]:
        """Messages."""
        return self._loader(messages.of_ids, at_once=100)

    @property
    def runs(self) -> DataLoader[UUID, models.Run | None]:
        """Runs."""
        return self._loader(runs.of_ids)

    @property
    def active_runs(self) -> DataLoader[UUID, Sequence[models.Run]]:
        """The runs of sessions, by the ids of the sessions."""
        return self._loader(runs.active)

    @property
    def unread(self) -> DataLoader[UUID, int]:
        """How many messages of a session are new to the viewer."""
        return self._loader(sessions.unread)

    @property
    def siblings(self) -> DataLoader[branches.Family, Sequence[UUID]]:
        """The ids of what follows a message of a session, or begins it."""
        return self._loader(branches.siblings)

    @property
    def leaf_ids(self) -> DataLoader[branches.Leaf, strawberry.ID | None]:
        """The id of the last message of a session's branch."""
        return self._loader(_leaf_ids)

    @property
    def fullness(self) -> DataLoader[context_use.Path, context_use.Fullness | None]:
        """How full the window of the model is that would answer on a branch of a session."""
        return self._loader(context_use.of)

    @property
    def origins(self) -> DataLoader[fork.Origin | None, fork.ForkedFrom | None]:
        """Where sessions were copied from."""
        return self._loader(fork.shown_to)

    @property
    def revisions(self) -> DataLoader[revisions.Asked, Sequence[rows.Revision]]:
        """Earlier states of a message."""
        return self._loader(edits.revisions_of)

    @property
    def templates(self) -> DataLoader[UUID, models.Template | None]:
        """Templates."""
        return self._loader(templates.of_ids)

    @property
    def folders(self) -> DataLoader[UUID, models.Folder | None]:
        """Folders."""
        return self._loader(folders.of_ids)

    @property
    def folder_tallies(self) -> DataLoader[UUID, Tally]:
        """How many sessions are in a folder."""
        return self._loader(counts.of_folders)

    @property
    def project_tallies(self) -> DataLoader[UUID, Tally]:
        """How many sessions are in a project."""
        return self._loader(counts.of_projects)

    @property
    def agent_tallies(self) -> DataLoader[UUID, Tally]:
        """How many sessions an agent answers in."""
        return self._loader(counts.of_agents)

    @property
    def latest_sessions(self) -> DataLoader[UUID, rows.Seen | None]:
        """The session of a project with the newest activity."""
        return self._loader(counts.latest)

    def _loader[Key, Found](
        self, find: Callable[[Scope, list[Key]], Awaitable[Sequence[Found]]], *, at_once: int | None = None
    ) -> DataLoader[Key, Found]:
        loaders = self._loaders = self._loaders or {}
        if find not in loaders:
            loaders[find] = DataLoader(lambda ids: find(self.scope, ids), max_batch_size=at_once, cache=False)
        return loaders[find]


async def _leaf_ids(scope: Scope, leaves: Sequence[branches.Leaf]) -> list[strawberry.ID | None]:
    return [identifier.optional_of(leaf) for leaf in await branches.leaves(scope, leaves)]
