"""Bearer tokens: JSON Web Tokens (RFC 7519), signed with a shared secret or by an identity provider."""

import asyncio
from typing import Any

import jwt

from server.graphql import Unauthenticated
from server.settings import Settings

PUBLIC_KEY_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]


class Tokens:
    """Reads tokens, as the settings say."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys = None if settings.jwks_url is None else jwt.PyJWKClient(settings.jwks_url, cache_keys=True)

    async def claims(self, credential: str | None) -> dict[str, Any]:
        """What a token says of its bearer; it has `sub` and `exp`.

        Raises:
            Unauthenticated: it is missing, malformed, expired, or not signed by whom the settings name.
        """
        token = bare(credential)
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
            return key.key, PUBLIC_KEY_ALGORITHMS
        assert self._settings.jwt_secret is not None
        return self._settings.jwt_secret.get_secret_value(), ["HS256"]


def bare(credential: str | None) -> str:
    """The token in `Bearer …` (RFC 6750), or one that stands alone.

    Raises:
        Unauthenticated: there is none, or the scheme is another.
    """
    if not credential:
        raise Unauthenticated("A token is needed: send `Authorization: Bearer …`, in `connection_init` on a WebSocket.")
    scheme, _, token = credential.strip().partition(" ")
    if not token:
        return scheme
    if scheme.lower() != "bearer":
        raise Unauthenticated(f"The scheme {scheme!r} is not known here: send `Authorization: Bearer …`.")
    return token.strip()
