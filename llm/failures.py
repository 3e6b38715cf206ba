"""What pydantic-ai raises, as a `ModelError` that a person may read."""

import re
from collections.abc import Sequence

import httpx2
from pydantic_ai.exceptions import (
    ContentFilterError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelTimeoutError,
    ModelUnavailableError,
    UserError,
)

from llm.errors import ModelError, ModelErrorCode

# How llama.cpp and other servers word it, beyond what pydantic-ai knows.
_TOO_LONG = re.compile(
    r"context (size|length|window)|exceed_context_size|(prompt|input) is too long|too many tokens", re.IGNORECASE
)
_REFUSED = re.compile(r"content[_ ](filter|policy|management)|safety system", re.IGNORECASE)
_KEY = re.compile(r"\b(?:sk|pk|rk|key|api|xai|gsk)[-_][\w*.-]{6,}|Bearer\s+\S+|(?<=://)[^/\s@]+@", re.IGNORECASE)
_LONGEST_DETAIL = 300
_NOT_UNDERSTOOD = "The model provider broke off its reply, or sent one that is not understood. Try again."


_PLAIN: tuple[tuple[type[Exception], ModelErrorCode, str], ...] = (
    (
        ModelQuotaExceededError,
        ModelErrorCode.RATE_LIMITED,
        "The account at the model provider has used up its quota or credit.",
    ),
    (ContentFilterError, ModelErrorCode.REFUSED, "The model provider's content rules forbid an answer."),
    (
        UserError,
        ModelErrorCode.BAD_REQUEST,
        "The conversation holds something that this model provider cannot be given, such as a kind of file.",
    ),
)


def of(error: Exception, *, begun: bool, fetches: bool = False, secrets: Sequence[str] = ()) -> ModelError:
    """The error that says the same to a person.

    `begun`: the reply had already started. `fetches`: files had to be fetched first. `secrets` never show.
    """
    for kind, code, reason in _PLAIN:
        if isinstance(error, kind):
            return ModelError(reason, code)
    match error:
        case ModelRateLimitError():
            return _rate_limited(error)
        case ModelConnectionError():
            return _disconnected(error, begun=begun)
        case ModelRequestRejectedError():
            return _rejected(error, secrets)
        case ValueError() | httpx2.HTTPError() if fetches and not begun:
            return ModelError(
                "A file of the conversation could not be fetched: its address is wrong or private, or it is too large.",
                ModelErrorCode.BAD_REQUEST,
            )
        case _:
            return _failed(error, begun=begun)


def _failed(error: Exception, *, begun: bool) -> ModelError:
    status = error.status_code if isinstance(error, ModelHTTPError) else None
    if status == 413:
        return _too_long()
    if isinstance(error, ModelUnavailableError) and not begun:
        return ModelError(
            "The model provider is not ready or has too much to do. Try again in a moment.",
            ModelErrorCode.UNREACHABLE,
            retry_after=error.retry_after,
        )
    return ModelError(
        _NOT_UNDERSTOOD if status is None else f"The model provider failed (HTTP {status}). Try again.",
        ModelErrorCode.PROVIDER_FAILED,
        retry_after=error.retry_after if isinstance(error, ModelAPIError) else None,
    )


def _rate_limited(error: ModelRateLimitError) -> ModelError:
    when = "later" if error.retry_after is None else f"in {error.retry_after:g} seconds"
    return ModelError(
        f"The model provider takes no more requests for now. Try again {when}.",
        ModelErrorCode.RATE_LIMITED,
        retry_after=error.retry_after,
    )


def _disconnected(error: ModelConnectionError, *, begun: bool) -> ModelError:
    if begun:
        return ModelError(
            "The connection to the model provider was lost before the reply was complete. Try again.",
            ModelErrorCode.PROVIDER_FAILED,
        )
    if isinstance(error, ModelTimeoutError) and error.phase not in ("connect", "pool"):
        return ModelError("The model provider took too long to answer. Try again.", ModelErrorCode.TIMED_OUT)
    return ModelError(
        "The model provider cannot be reached. See that its address is right and that it runs.",
        ModelErrorCode.UNREACHABLE,
    )


def _rejected(error: ModelRequestRejectedError, secrets: Sequence[str]) -> ModelError:
    said = _words(error)
    if isinstance(error, ModelContextWindowExceededError) or _TOO_LONG.search(f"{error.provider_error_type} {said}"):
        return _too_long()
    if isinstance(error, ModelAuthenticationError):
        return ModelError(
            "The model provider does not accept the API key, or the key may not use this model.",
            ModelErrorCode.UNAUTHORIZED,
        )
    if isinstance(error, ModelNotFoundError):
        return ModelError(
            f"The model provider has no model '{error.model_name}', or its address is wrong.",
            ModelErrorCode.BAD_REQUEST,
        )
    if _REFUSED.search(f"{error.provider_error_code} {error.provider_error_type}"):
        return ModelError("The model provider's content rules forbid an answer.", ModelErrorCode.REFUSED)
    detail = _without(secrets, said)
    return ModelError(
        f"The model provider refused the request: {detail}" if detail else "The model provider refused the request.",
        ModelErrorCode.BAD_REQUEST,
    )


def _too_long() -> ModelError:
    return ModelError(
        "The conversation is too long for this model. Shorten it, or choose a model that can read more.",
        ModelErrorCode.TOO_LONG,
    )


def _words(error: ModelAPIError) -> str:
    """The provider's own sentence, where its answer has one."""
    body = error.body
    for _ in range(2):
        if isinstance(body, dict):
            body = body.get("error", body.get("message"))
    return body if isinstance(body, str) else ""


def _without(secrets: Sequence[str], text: str) -> str:
    for secret in secrets:
        text = text.replace(secret, "…")
    line = next(iter(_KEY.sub("…", text).strip().splitlines()), "")
    return line if len(line) <= _LONGEST_DETAIL else line[:_LONGEST_DETAIL] + "…"
