"""What a rule says no to. Nothing has been written when one is raised."""

from typing import Literal


class Refusal(Exception):
    """A rule refused. `reason` is a sentence for the person, and says what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotFound(Refusal):
    """It does not exist, was deleted, or is not the viewer's to see; which of them is not told."""

    def __init__(self, what: Literal["project", "session", "message", "run", "agent"]) -> None:
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
        super().__init__("This id is taken by something else. Make a new random UUID and try again.")
        self.field = field
