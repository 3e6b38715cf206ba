"""Sending a message: stored at once, answered token by token."""

from chat import messages
from chat.scope import Scope
from chat.sessions import NewSession
from db.models import MessageRole, MessageStatus, RunStatus


async def test_the_first_message_of_a_new_session_is_one_call(scope: Scope) -> None:
    sent = await messages.send(scope, NewSession(), "Hi there")
    session, _ = sent.seen
    assert (session.title, session.message_count, session.last_message_preview) == ("Hi there", 2, "Hi there")
    assert (sent.message.role, sent.message.status, sent.message.content) == (
        MessageRole.USER,
        MessageStatus.COMPLETE,
        "Hi there",
    )
    assert (sent.reply.role, sent.reply.status, sent.reply.content) == (
        MessageRole.ASSISTANT,
        MessageStatus.PENDING,
        "",
    )
    assert (sent.run.status, sent.run.message_id) == (RunStatus.QUEUED, sent.reply.id)
