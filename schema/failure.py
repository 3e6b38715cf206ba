"""What a run failed of."""

from typing import Any, Self

import strawberry


@strawberry.type(description="Why a reply could not be generated.")
class Failure:
    """Stored with a run and its message."""

    code: str = strawberry.field(
        description="What kind of failure it was, such as `UNREACHABLE`, `UNAUTHORIZED`, `RATE_LIMITED` or `TOO_LONG`."
    )
    reason: str = strawberry.field(description="A sentence for the person, that says what to do.")

    @classmethod
    def of(cls, stored: dict[str, Any] | None) -> Self | None:
        """The stored failure, if there is one."""
        return None if stored is None else cls(code=stored["code"], reason=stored["reason"])
