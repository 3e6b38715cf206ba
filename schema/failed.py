"""Failures that no rule foresaw, told as data where one of several things failed."""

from collections.abc import Callable, Sequence
from typing import Never

import strawberry

from schema.refusal import UserError


@strawberry.type(
    description="It failed, and no rule refused it: a part of the server is away, it took too long, or the fault is "
    "ours. Nothing of it was written, unless the connection to the database broke at the very end."
)
class Failed(UserError):
    """Only in receipts: where something is done by itself, its failure is in `errors`."""

    code: str = strawberry.field(description="What kind of failure: a code as in `errors`, such as `INTERNAL`.")
    incident: str | None = strawberry.field(description="What to look for in the server's log, if the fault is ours.")
    retriable: bool = strawberry.field(
        description="Whether it may well go through later as it is. Send it again with its key: it is done once."
    )


type Explain = Callable[[Exception, Sequence[str | int]], Failed]
"""What a client may know of an exception at a place of the answer."""


def raised(error: Exception, _: Sequence[str | int]) -> Never:
    """Raises every exception again, as if it were alone."""
    raise error


def late() -> Failed:
    """What is not done because of all that was done before it."""
    return Failed(
        reason="There was no time left for this. Send it again.", code="TIMED_OUT", incident=None, retriable=True
    )
