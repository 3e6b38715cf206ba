"""The models that a viewer can choose from for an agent."""

from collections.abc import Sequence

from chat.scope import Scope
from llm.offering import Known


async def models(scope: Scope) -> Sequence[Known]:
    """Those of the server's providers; the same for every viewer.

    Waits a moment for lists of providers that were never there, and does without those that are late.
    """
    return await scope.process.models.offers()
