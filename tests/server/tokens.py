"""Bearer tokens, as an identity provider signs them."""

import time
from typing import Any

import jwt

SECRET = "a secret of the tests that is long enough for HS256"


def token(
    subject: str | None, *, key: Any = SECRET, algorithm: str = "HS256", seconds: float = 600, **claims: object
) -> str:
    """A token that ends in so many seconds. A claim of None is left out."""
    payload = {"sub": subject, "exp": time.time() + seconds, "name": subject} | claims
    headers = {"kid": "1"} if algorithm.startswith("RS") else None
    present = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(present, key, algorithm=algorithm, headers=headers)
