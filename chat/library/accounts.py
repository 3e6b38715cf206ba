"""Accounts: made when their owner first comes."""

from chat.process import Process
from chat.scope import Scope
from db import users
from db.models import User


async def identify(process: Process, subject: str, *, name: str | None = None, email: str | None = None) -> User:
    """The account of a subject of the identity provider."""
    async with process.db.system() as tx:
        return await users.of_subject(tx, subject, name=name, email=email)


async def me(scope: Scope) -> User:
    """The viewer's own account."""
    async with scope.tx() as tx:
        user = await users.get(tx, scope.viewer.id)
        assert user is not None
        return user
