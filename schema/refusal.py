"""Refusals by a rule: members of the unions that mutations return."""

import strawberry

from chat import refusals


@strawberry.interface(description="A refusal by a rule. Nothing was written.")
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


HANDLERS = (_NotFound(), _NotAllowed(), _InvalidInput(), _IdTaken())
"""Turn what rules raise into members of the result unions. What a field's union lacks stays an error."""
