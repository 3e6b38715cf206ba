"""What a rule says no to. Nothing has been written when one is raised."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from db import models


class Refusal(Exception):
    """A rule refused. `reason` is a sentence for the person, and says what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


type Noun = Literal["project", "session", "message", "run", "agent", "folder", "template"]
"""What can be missing."""


class NotFound(Refusal):
    """It does not exist, was deleted, or is not the viewer's to see; which of them is not told."""

    def __init__(self, what: Noun) -> None:
        super().__init__(f"There is no such {what}, or you may not see it.")
        self.what = what


class NotAllowed(Refusal):
    """The viewer may see it but not do this."""


class InvalidInput(Refusal):
    """An argument cannot be used. `field` is its name as clients write it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class IdTaken(Refusal):
    """The client-made id belongs to something else."""

    def __init__(self, field: str) -> None:
        reason = "This id is taken by something else. Make a new random UUID and try again."
        if field.endswith("externalId"):
            reason = "Another session of yours has this `externalId`. Use that session, or another name."
        super().__init__(reason)
        self.field = field


class Busy(Refusal):
    """The session has a run that is not over, and the caller did not want to wait."""

    def __init__(self, run_id: UUID) -> None:
        super().__init__("A reply is being written in this session. Wait for it, stop it, or queue behind it.")
        self.run_id = run_id


class QuotaExceeded(Refusal):
    """There are as many as there may be. `reset_at` is when there will be room again by itself, if ever."""

    def __init__(self, reason: str, *, limit: int, used: int, reset_at: datetime | None = None) -> None:
        super().__init__(reason)
        self.limit = limit
        self.used = used
        self.reset_at = reset_at


class ModelFailed(Refusal):
    """The model did not do what it was asked to. `code` is one of `llm.errors.ModelErrorCode`."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Fenced(Refusal):
    """Another producer has taken the run over."""

    def __init__(self, epoch: int) -> None:
        super().__init__("Another producer has taken this run over. Stop producing.")
        self.epoch = epoch


class RunClosed(Refusal):
    """The run is over; nothing more can be written to it."""

    def __init__(self, status: str) -> None:
        super().__init__(f"This run is over ({status}). Stop producing.")
        self.status = status


class SequenceGap(Refusal):
    """Events are missing between what was appended and what came now."""

    def __init__(self, expected: int) -> None:
        super().__init__(f"Events are missing: the next one expected has the number {expected}. Send from there.")
        self.expected = expected


class Conflict(Refusal):
    """Something has another version than the one that was expected; `row` is how it is now."""


class AgentConflict(Conflict):
    """Of an agent."""

    def __init__(self, row: models.Agent) -> None:
        super().__init__(_edited(row.version))
        self.row = row


class ProjectConflict(Conflict):
    """Of a project."""

    def __init__(self, row: models.Project) -> None:
        super().__init__(_edited(row.version))
        self.row = row


class TemplateConflict(Conflict):
    """Of a template."""

    def __init__(self, row: models.Template) -> None:
        super().__init__(_edited(row.version))
        self.row = row


class FolderConflict(Conflict):
    """Of a folder."""

    def __init__(self, row: models.Folder) -> None:
        super().__init__(_edited(row.version))
        self.row = row


class MessageConflict(Conflict):
    """Of a message."""

    def __init__(self, row: models.Message) -> None:
        super().__init__(f"It was revised since: it has version {row.version} now. Look at it and try again.")
        self.row = row


class SessionConflict(Conflict):
    """Of a session."""

    def __init__(self, row: models.Session, membership: models.Membership) -> None:
        super().__init__(_edited(row.version))
        self.row = row
        self.membership = membership


def _edited(version: int) -> str:
    return f"It was edited since: it has version {version} now. Look at it and try again."
