"""What a session begins with that is made of a template: its messages, and perhaps the agent's first reply."""

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from chat.conversation import reply_requests
from chat.library.templates import Said
from chat.scope import Scope
from db import messages
from db import sessions as session_rows
from db.models import Message, MessageRole, MessageStatus, Session, Template
from sync import parts


async def fill(tx: AsyncSession, scope: Scope, session: Session, template: Template, *, speaks: bool) -> Session:
    """Stores what a new session begins with, and asks for the agent's first reply, if it `speaks` first."""
    instructions = [] if template.instructions is None else [Said(MessageRole.SYSTEM, template.instructions)]
    said = [*instructions, *(Said(MessageRole(each["role"]), each["text"]) for each in template.messages)]
    if not said:
        return session
    await session_rows.take(tx, session, len(said), messages=len(said))
    path: list[Message] = []
    for depth, each in enumerate(said):
        path.append(
            Message(
                id=uuid7(),
                session_id=session.id,
                parent_id=path[-1].id if path else None,
                branch=0,
                depth=depth,
                role=each.role,
                status=MessageStatus.COMPLETE,
                parts=[parts.text(each.text)],
                content=each.text,
                author_id=scope.viewer.id if each.role is MessageRole.USER else None,
                seq=session.head - len(said) + 1 + depth,
            )
        )
    await messages.add(tx, *path)
    shown = [message for message in path if message.role is not MessageRole.SYSTEM]
    if shown:
        preview = parts.preview(shown[-1].content)
        session = await session_rows.advance(tx, session.id, 0, last_message_preview=preview) or session
    if template.begins and speaks:
        await reply_requests.reply(tx, scope, session, path[-1])
    return session
