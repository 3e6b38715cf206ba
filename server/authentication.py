"""Who calls: the local user, or the bearer of a token."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chat.library import accounts
from chat.process import Process
from db import texts
from server.settings import Settings

LOCAL_SUBJECT = "local"
KNOWN = 10_000
"""Accounts whose id is remembered between two requests."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The account that calls, and until when its credential holds."""

    user_id: UUID
    expires_at: datetime | None = None


class Authentication:
    """Turns the credentials of requests into accounts, as the settings say."""

    def __init__(self, settings: Settings, process: Callable[[], Process]) -> None:
        self._process = process
        self._users: dict[str, UUID] = {}
        self._tokens = None
        if settings.authenticates:
            from server.tokens import Tokens  # noqa: PLC0415  (cryptography takes a while to load)

            self._tokens = Tokens(settings)

    async def __call__(self, credential: str | None) -> Identity:
        """The identity behind a credential.

        Raises:
            Unauthenticated: the settings ask for a token, and this is no valid one.
        """
        if self._tokens is None:
            return Identity(await self._user(LOCAL_SUBJECT, {}))
        claims = await self._tokens.claims(credential)
        return Identity(await self._user(claims["sub"], claims), datetime.fromtimestamp(claims["exp"], UTC))

    async def _user(self, subject: str, claims: dict[str, Any]) -> UUID:
        known = self._users.get(subject)
        if known is None:
            user = await accounts.identify(
                self._process(), subject, name=_text(claims.get("name")), email=_text(claims.get("email"))
            )
            if len(self._users) >= KNOWN:
                self._users.clear()
            known = self._users[subject] = user.id
        return known


def _text(claim: object) -> str | None:
    return texts.storable(claim) if isinstance(claim, str) else None
