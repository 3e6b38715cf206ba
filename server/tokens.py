"""Bearer tokens: JSON Web Tokens (RFC 7519), signed with a shared secret or by an identity provider."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import jwt

from db import texts
from server.settings import Settings
from transports import Unauthenticated

_log = logging.getLogger("transom.tokens")

LONGEST_SUBJECT = 255
"""Characters of a subject (OpenID Connect Core 1.0, section 2)."""
PUBLIC_KEY_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]


class Tokens:
    """Reads tokens, as the settings say."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # The set is kept for five minutes as a whole: a key that has left it is not accepted for longer.
        self._keys = None if settings.jwks_url is None else jwt.PyJWKClient(settings.jwks_url, timeout=5)

    async def claims(self, credential: str | None) -> dict[str, Any]:
        """What a token says of its bearer; `sub` is the account's name, and `exp` a time in seconds.

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
            _check(claims)
            return claims
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired. Get a new one.") from None
        except (jwt.PyJWTError, OverflowError) as error:
            raise Unauthenticated(f"The token is not valid here: {_reason(error)}.") from None

    async def _key(self, token: str) -> tuple[Any, list[str]]:
        if self._keys is not None:
            return await self._published(self._keys, token), PUBLIC_KEY_ALGORITHMS
        assert self._settings.jwt_secret is not None
        return self._settings.jwt_secret.get_secret_value(), ["HS256"]

    async def _published(self, keys: jwt.PyJWKClient, token: str) -> Any:
        """The key that a token says it is signed with."""
        jwt.get_unverified_header(token)  # where it is no token at all, that is not the provider's fault
        try:
            return (await asyncio.to_thread(keys.get_signing_key_from_jwt, token)).key
        except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, AttributeError, TypeError, ValueError) as error:
            _log.warning("The identity provider's keys (TRANSOM_JWKS_URL) cannot be used: %s", error)
            raise Unauthenticated("The identity provider's keys cannot be fetched just now. Try again.") from None


class _Refused(jwt.InvalidTokenError):
    """What PyJWT lets pass, with the reason."""


_REASONS: Mapping[type[Exception], str] = {
    OverflowError: "a time in it is out of range",
    jwt.ImmatureSignatureError: "its time has not come yet (`nbf` or `iat`)",
    jwt.InvalidIssuedAtError: "its `iat` is no time",
    jwt.InvalidAudienceError: "it is made for another audience (`aud`) than this server",
    jwt.InvalidIssuerError: "another issuer (`iss`) has made it than the one that this server trusts",
    jwt.exceptions.InvalidSubjectError: "its subject (`sub`) is no string",
    jwt.exceptions.InvalidJTIError: "its `jti` is no string",
    jwt.InvalidAlgorithmError: "it is signed in a way (`alg`) that this server does not accept",
    jwt.InvalidSignatureError: "it is not signed with a key that this server knows",
    jwt.PyJWKClientError: "it is signed with a key (`kid`) that the identity provider does not publish",
    jwt.InvalidKeyError: "the key that it is signed with cannot be used here",
    jwt.PyJWKError: "the key that it is signed with cannot be used here",
    jwt.DecodeError: "it is no JSON Web Token",
}


def _reason(error: Exception) -> str:
    if isinstance(error, _Refused):
        return str(error)
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"it has no `{error.claim}`"
    return next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), "it cannot be read")


def _check(claims: dict[str, Any]) -> None:
    """Refuses what PyJWT lets pass, and no account can be kept under."""
    subject = claims["sub"]
    if not subject.strip() or len(subject) > LONGEST_SUBJECT or texts.storable(subject) != subject:
        raise _Refused(f"its subject (`sub`) must have 1 to {LONGEST_SUBJECT} characters of text")
    try:
        datetime.fromtimestamp(claims["exp"], UTC)
    except (OSError, TypeError, ValueError, OverflowError):
        raise _Refused("its end (`exp`) is no time that there is") from None


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
