"""Refusals by a rule: members of the unions that mutations return."""

from datetime import datetime

import strawberry

from chat import refusals
from schema import identifier


@strawberry.interface(description="Why something was not done. Where a rule refused it, nothing was written.")
class UserError:
    """What all refusals share."""

    reason: str = strawberry.field(description="A sentence for the person, that says what to do.")


@strawberry.type(description="It does not exist, was deleted, or is not yours to see.")
class NotFound(UserError):
    """See `chat.refusals.NotFound`."""

    what: str = strawberry.field(description="What was looked for, such as `session`.")


@strawberry.type(description="You may see it but not do this.")
class NotAllowed(UserError):
    """See `chat.refusals.NotAllowed`."""


@strawberry.type(description="An argument has a value that cannot be used.")
class InvalidInput(UserError):
    """See `chat.refusals.InvalidInput`."""

    field: str = strawberry.field(description="The argument's name.")


@strawberry.type(description="The id that you made belongs to something else. Make a new random one.")
class IdTaken(UserError):
    """See `chat.refusals.IdTaken`."""

    field: str = strawberry.field(description="The argument's name.")


@strawberry.type(description="A reply is being written in this session, and you did not want to wait.")
class Busy(UserError):
    """See `chat.refusals.Busy`."""

    run_id: strawberry.ID = strawberry.field(description="The run that is not over.")


@strawberry.type(description="There are as many as there may be. The reason says of what, and what to do.")
class QuotaExceeded(UserError):
    """See `chat.refusals.QuotaExceeded`."""

    limit: int = strawberry.field(description="How many there may be.")
    used: int = strawberry.field(description="How many there are.")
    reset_at: datetime | None = strawberry.field(description="When there will be room again by itself, if ever.")


@strawberry.type(description="The model did not do what you asked for, or took too long.")
class ModelFailed(UserError):
    """See `chat.refusals.ModelFailed`."""

    code: str = strawberry.field(description="What kind of failure it was: one of those that a run may fail of.")


@strawberry.type(description="Another producer has taken the run over. Stop producing.")
class Fenced(UserError):
    """See `chat.refusals.Fenced`."""

    epoch: int = strawberry.field(description="The other producer's epoch.")


@strawberry.type(description="The run is over. Stop producing.")
class RunClosed(UserError):
    """See `chat.refusals.RunClosed`."""

    status: str = strawberry.field(description="How it ended.")


@strawberry.type(description="Events are missing between what is stored and what you sent.")
class SequenceGap(UserError):
    """See `chat.refusals.SequenceGap`."""

    expected_seq: int = strawberry.field(description="The number of the event to go on from.")


class _NotFound(strawberry.ExceptionHandler[refusals.NotFound, NotFound]):
    def handle(self, exception: refusals.NotFound, **_: object) -> NotFound:
        return NotFound(reason=exception.reason, what=exception.what)


class _NotAllowed(strawberry.ExceptionHandler[refusals.NotAllowed, NotAllowed]):
    def handle(self, exception: refusals.NotAllowed, **_: object) -> NotAllowed:
        return NotAllowed(reason=exception.reason)


class _InvalidInput(strawberry.ExceptionHandler[refusals.InvalidInput, InvalidInput]):
    def handle(self, exception: refusals.InvalidInput, **_: object) -> InvalidInput:
        return InvalidInput(reason=exception.reason, field=exception.field)


class _IdTaken(strawberry.ExceptionHandler[refusals.IdTaken, IdTaken]):
    def handle(self, exception: refusals.IdTaken, **_: object) -> IdTaken:
        return IdTaken(reason=exception.reason, field=exception.field)


class _Busy(strawberry.ExceptionHandler[refusals.Busy, Busy]):
    def handle(self, exception: refusals.Busy, **_: object) -> Busy:
        return Busy(reason=exception.reason, run_id=identifier.of(exception.run_id))


class _QuotaExceeded(strawberry.ExceptionHandler[refusals.QuotaExceeded, QuotaExceeded]):
    def handle(self, exception: refusals.QuotaExceeded, **_: object) -> QuotaExceeded:
        return QuotaExceeded(
            reason=exception.reason, limit=exception.limit, used=exception.used, reset_at=exception.reset_at
        )


class _ModelFailed(strawberry.ExceptionHandler[refusals.ModelFailed, ModelFailed]):
    def handle(self, exception: refusals.ModelFailed, **_: object) -> ModelFailed:
        return ModelFailed(reason=exception.reason, code=exception.code)


class _Fenced(strawberry.ExceptionHandler[refusals.Fenced, Fenced]):
    def handle(self, exception: refusals.Fenced, **_: object) -> Fenced:
        return Fenced(reason=exception.reason, epoch=exception.epoch)


class _RunClosed(strawberry.ExceptionHandler[refusals.RunClosed, RunClosed]):
    def handle(self, exception: refusals.RunClosed, **_: object) -> RunClosed:
        return RunClosed(reason=exception.reason, status=exception.status)


class _SequenceGap(strawberry.ExceptionHandler[refusals.SequenceGap, SequenceGap]):
    def handle(self, exception: refusals.SequenceGap, **_: object) -> SequenceGap:
        return SequenceGap(reason=exception.reason, expected_seq=exception.expected)


HANDLERS = (
    _NotFound(),
    _NotAllowed(),
    _InvalidInput(),
    _IdTaken(),
    _Busy(),
    _QuotaExceeded(),
    _ModelFailed(),
    _Fenced(),
    _RunClosed(),
    _SequenceGap(),
)
"""For the refusals of this module; `schema.conflict` has them all."""
