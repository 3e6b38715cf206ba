"""Who calls: the local user, or the bearer of a JSON Web Token (RFC 7519, RFC 6750)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jwt

from chat import accounts
from chat.process import Process
from server.graphql import Unauthenticated
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
        self._settings = settings
        self._process = process
        self._users: dict[str, UUID] = {}
        self._keys = None if settings.jwks_url is None else jwt.PyJWKClient(settings.jwks_url, cache_keys=True)

    async def __call__(self, credential: str | None) -> Identity:
        """The identity behind a credential.

        Raises:
            Unauthenticated: it is missing, malformed, expired, or not signed by whom the settings name.
        """
        if not self._settings.authenticates:
            return Identity(await self._user(LOCAL_SUBJECT, {}))
        claims = await self._claims(_token(credential))
        expires = datetime.fromtimestamp(claims["exp"], UTC)
        return Identity(await self._user(claims["sub"], claims), expires)

    async def _claims(self, token: str) -> dict[str, Any]:
        settings = self._settings
        try:
            key, algorithms = await self._key(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=algorithms,
                audience=settings.jwt_audience,
                issuer=settings.jwt_issuer,
                leeway=5,
                options={"require": ["exp", "sub"], "verify_aud": settings.jwt_audience is not None},
            )
            return claims
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired. Get a new one.") from None
        except jwt.PyJWKClientConnectionError:
            raise Unauthenticated("The identity provider's keys cannot be fetched right now. Try again.") from None
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"The token is not valid here: {error}.") from None

    async def _key(self, token: str) -> tuple[Any, list[str]]:
        if self._keys is not None:
            key = await asyncio.to_thread(self._keys.get_signing_key_from_jwt, token)
            return key.key, ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
        assert self._settings.jwt_secret is not None
        return self._settings.jwt_secret.get_secret_value(), ["HS256"]

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


def _token(credential: str | None) -> str:
    if not credential:
        raise Unauthenticated("A token is needed: send `Authorization: Bearer …`, in `connection_init` on a WebSocket.")
    scheme, _, token = credential.strip().partition(" ")
    if not token:
        return scheme
    if scheme.lower() != "bearer":
        raise Unauthenticated(f"The scheme {scheme!r} is not known here: send `Authorization: Bearer …`.")
    return token.strip()


def _text(claim: object) -> str | None:
    return claim if isinstance(claim, str) else None
