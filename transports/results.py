"""What an operation answers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One execution result."""

    body: bytes
    """The result as JSON: `data`, and `errors` and `extensions` if there are any."""
    event_id: str | None
    """The cursor that an event stream can resume after, if the result carries one."""
