"""How large what is stored may be, where an operator or an agent allows less than `chat.validation`.

It is checked where a call is carried out, once it is known not to be a repetition of an earlier one.
"""

from collections.abc import Mapping
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from chat.policy import SIZES
from chat.quotas import effective
from chat.quotas.effective import Allowed
from chat.refusals import InvalidInput
from chat.scope import Scope
from db.models import Json


async def check(
    tx: AsyncSession, scope: Scope, *, text: str | None = None, metadata: Json | None = None, on: UUID | None = None
) -> None:
    """Sees that a message's text, and a metadata object, are no larger than they may be.

    The agent that may allow less is that of what `on` names: a session, a message in one, or a run.

    Raises:
        InvalidInput: one is larger.
    """
    if text is not None or metadata is not None:
        within(await effective.of(tx, scope, on=on), text=text, metadata=metadata)


def within(allows: Allowed, *, text: str | None = None, metadata: Json | None = None, field: str = "text") -> None:
    """The same, where it is known already what is allowed; `field` is what the client calls the text.

    Raises:
        InvalidInput: one is larger.
    """
    if text is not None:
        most, agents = allows.account.message_characters, allows.agent.get("message_characters")
        if agents is not None and len(text) > agents and (most is None or agents < most):
            reason = f"A message to {allows.agent_name} has at most {agents:,} characters; this one has {len(text):,}."
            raise InvalidInput(field, reason)
        if most is not None and len(text) > most:
            raise InvalidInput(field, f"A message has at most {most:,} characters; this one has {len(text):,}.")
    room = allows.account.metadata_bytes
    if metadata and room is not None and (size := len(orjson.dumps(metadata))) > room:
        raise InvalidInput("metadata", f"It has at most {room:,} bytes as JSON; this one has {size:,}.")


async def largest(scope: Scope) -> Mapping[str, int]:
    """What holds for the viewer, whichever agent it asks, by the names of `SIZES`."""
    async with scope.tx() as tx:
        allowance = (await effective.of(tx, scope)).account
    return {name: getattr(allowance, name) or most for name, most in SIZES.items()}
