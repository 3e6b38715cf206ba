"""Conversations with branches, and windows on them as clients have them."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, Literal
from uuid import UUID

from hypothesis import HealthCheck, settings
from strawberry.types import ExecutionResult

from chat.conversation import messages
from chat.conversation.messages import TIP, Tip
from chat.conversation.sessions import NewSession
from chat.scope import Scope
from db.models import Message
from resolvers.root import api
from schema.context import Context
from tests.repeating.asking import ask

BOUNDED = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

PATH = """
    query ($id: ID!, $through: ID) {
        session(id: $id) {
            messages(first: 100, throughId: $through) { edges { node { content } } }
        }
    }
"""


async def say(
    scope: Scope, to: UUID | NewSession, text: str, under: Message | Literal[Tip.TIP] | None = TIP
) -> Message:
    """Stores a message that nobody answers."""
    parent_id = under.id if isinstance(under, Message) else under
    return (await messages.post(scope, to, text, parent_id=parent_id)).message


async def tell(scope: Scope) -> dict[str, Message]:
    """A conversation with three leaves. From the oldest message to the newest: A, B, C, D, E, F.

    A has the children B and D; B has C and F; D has E.
    """
    a = await say(scope, NewSession(title="Talk"), "A")
    b = await say(scope, a.session_id, "B", a)
    c = await say(scope, a.session_id, "C", b)
    d = await say(scope, a.session_id, "D", a)
    e = await say(scope, a.session_id, "E", d)
    f = await say(scope, a.session_id, "F", b)
    return {"A": a, "B": b, "C": c, "D": d, "E": e, "F": f}


async def shown(scope: Scope, session_id: UUID, through: UUID | None = None) -> str:
    """What the viewer sees of a session whose messages are single letters."""
    variables = {"id": str(session_id), "through": None if through is None else str(through)}
    found = (await ask(scope, PATH, **variables))["session"]["messages"]["edges"]
    return "".join(edge["node"]["content"] for edge in found)


@asynccontextmanager
async def following(scope: Scope, document: str, **variables: Any) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """The events of a subscription with one field."""
    async with aclosing(await api.stream(document, variables, Context(scope))) as results:

        async def events() -> AsyncIterator[dict[str, Any]]:
            async for result in results:
                assert isinstance(result, ExecutionResult)
                assert not result.errors, result.errors
                assert result.data is not None
                (event,) = result.data.values()
                yield event

        yield events()
