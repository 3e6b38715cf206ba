"""What a provider says when it gives no reply, in whatever shape, as a `ModelError` that a person may read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import orjson

from llm import lengths
from llm.errors import ModelError, ModelErrorCode

_TOO_LONG = re.compile(
    r"context[ _](size|length|window)|exceed_context_size|(prompt|input|conversation) is too long|too many tokens"
    r"|maximum (number of )?(input )?tokens|reduce the length|token limit exceeded|context_length"
    r"|maximum (prompt|model) length|exceed context limit|maximum number of tokens|max_new_tokens. must be <=",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"content[_ ](filter|policy|management)|safety system|responsibleai", re.IGNORECASE)
_QUOTA = re.compile(
    r"insufficient_quota|exceeded your current quota|credit balance|insufficient (credit|balance|fund)|billing_",
    re.IGNORECASE,
)
_KEY_REFUSED = re.compile(r"authentication|invalid[_ ]api[_ ]key|permission_(error|denied)|unauthorized", re.IGNORECASE)
_UNKNOWN_MODEL = re.compile(r"model_not_found|not_found_error|deployment_?not_?found", re.IGNORECASE)
_TOO_OFTEN = re.compile(r"rate_?limit|too_many_requests|resource_?exhausted|throttl", re.IGNORECASE)
_BUSY = re.compile(r"overloaded|unavailable|loading model|no capacity|engine_is_busy", re.IGNORECASE)
_BLIND = re.compile(
    r"image input is not supported|image_url.*(not supported|unsupported)|not a multimodal", re.IGNORECASE
)
_KEY = re.compile(r"\b(?:sk|pk|rk|key|api|xai|gsk)[-_][\w*.-]{6,}|Bearer\s+\S+|(?<=://)[^/\s@]+@", re.IGNORECASE)
_LONGEST_DETAIL = 300

NOT_UNDERSTOOD = "The model provider broke off its reply, or sent one that is not understood. Try again."


def told(
    body: object,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    model: str = "",
    begun: bool = False,
    secrets: Sequence[str] = (),
) -> ModelError:
    """The error that a provider tells, before its reply or in the middle of it.

    `body` is what it sent: JSON, or text. `status` is the HTTP status, unless the reply had begun with 200 (`begun`);
    an error within a reply may have one of its own. `secrets` never show.
    """
    error = _error(body)
    status = _status(error) if status is None else status
    words = _words(error)
    kind = f"{_member(error, 'type')} {_member(error, 'code')} {_member(error, 'status')}"
    everything = f"{kind} {words} {_raw(error)}"
    wait = _retry_after(headers or {})
    detail = _without(secrets, words)
    if _QUOTA.search(everything) or status == 402:
        return ModelError(
            "The account at the model provider has used up its quota or credit.", ModelErrorCode.RATE_LIMITED
        )
    if status == 413 or _TOO_LONG.search(everything):
        return ModelError(
            "The conversation is too long for this model. Shorten it, or choose a model that can read more.",
            ModelErrorCode.TOO_LONG,
            window=lengths.window(error, words),
            read=lengths.read(error, words),
        )
    if _BLIND.search(everything):
        return ModelError(
            "This model cannot see pictures. Choose one that can, or ask without the picture.",
            ModelErrorCode.BAD_REQUEST,
        )
    if _REFUSED.search(everything):
        return ModelError("The model provider's content rules forbid an answer.", ModelErrorCode.REFUSED)
    if status in (401, 403) or _KEY_REFUSED.search(kind):
        return ModelError(
            "The model provider does not accept the API key, or the key may not use this model.",
            ModelErrorCode.UNAUTHORIZED,
        )
    if status == 404 or _UNKNOWN_MODEL.search(kind):
        return ModelError(
            f"The model provider has no model '{model}', or its address is wrong.", ModelErrorCode.BAD_REQUEST
        )
    if status == 429 or _TOO_OFTEN.search(kind):
        return ModelError(
            f"The model provider takes no more requests for now. Try again {_when(wait)}.",
            ModelErrorCode.RATE_LIMITED,
            retry_after=wait,
        )
    if status in (503, 529) or (status != 400 and _BUSY.search(everything)):
        return _busy(begun=begun, wait=wait)
    if status in (408, 504, 524):
        return ModelError("The model provider took too long to answer. Try again.", ModelErrorCode.TIMED_OUT)
    if status is not None and 400 <= status < 500:
        said = f": {detail}" if detail else "."
        return ModelError(f"The model provider refused the request{said}", ModelErrorCode.BAD_REQUEST)
    return _failed(status, detail, wait)


def moved(response: httpx2.Response, *, secrets: Sequence[str] = ()) -> ModelError:
    """The error of a provider that sends requests on, which nobody follows. It says where to, without `secrets`."""
    try:
        found = response.url.join(response.headers["location"])
        there = found.copy_with(username=None, password=None, query=None, fragment=None)
        place = _without(secrets, str(there)) if there.scheme in ("http", "https") else ""
    except (httpx2.InvalidURL, ValueError):
        place = ""
    return ModelError(
        f"The model provider sends requests on{f' to {place}' if place else ''}, and its key goes nowhere else. Change "
        "the provider's address: TRANSOM_MODEL_URL, or its `url` in the file of the models.",
        ModelErrorCode.NOT_CONFIGURED,
    )


def of(error: httpx2.HTTPError | httpx2.StreamError, *, begun: bool) -> ModelError:
    """The error that says what went wrong with a connection. `begun`: the reply had already started."""
    if begun:
        return ModelError(
            "The connection to the model provider was lost before the reply was complete. Try again.",
            ModelErrorCode.PROVIDER_FAILED,
        )
    if isinstance(error, httpx2.WriteTimeout):
        return ModelError("The model provider took too long to answer. Try again.", ModelErrorCode.TIMED_OUT)
    if isinstance(error, httpx2.TransportError):
        return ModelError(
            "The model provider cannot be reached. See that its address is right and that it runs.",
            ModelErrorCode.UNREACHABLE,
        )
    return not_understood()


def silent(seconds: float) -> ModelError:
    """The error of a provider that has sent no byte for so long."""
    return ModelError(
        f"The model provider has been silent for {seconds:g} seconds. Try again.", ModelErrorCode.TIMED_OUT
    )


def not_understood() -> ModelError:
    """The error of an answer that is none in the provider's dialect."""
    return ModelError(NOT_UNDERSTOOD, ModelErrorCode.PROVIDER_FAILED)


def is_error(chunk: Mapping[str, Any]) -> bool:
    """Whether what came in the place of a chunk is an error."""
    return bool(chunk.get("error")) or chunk.get("type") == "error" or chunk.get("object") == "error"


def _busy(*, begun: bool, wait: float | None) -> ModelError:
    if begun:
        reason = "The model provider had too much to do, and broke off its reply. Try again."
        return ModelError(reason, ModelErrorCode.PROVIDER_FAILED, retry_after=wait)
    return ModelError(
        "The model provider is not ready or has too much to do. Try again in a moment.",
        ModelErrorCode.UNREACHABLE,
        retry_after=wait,
    )


def _failed(status: int | None, detail: str, wait: float | None) -> ModelError:
    how = "The model provider failed" if status is None else f"The model provider failed (HTTP {status})"
    speaks = detail and not detail.startswith(("Traceback", "<"))
    said = f"{how}: {detail.rstrip('.')}. Try again." if speaks else f"{how}. Try again."
    return ModelError(said, ModelErrorCode.PROVIDER_FAILED, retry_after=wait)


def _error(body: object) -> object:
    """The innermost thing that tells what is wrong."""
    if isinstance(body, list):
        return _error(body[0]) if body else None
    if isinstance(body, dict):
        for name in ("error", "errors", "detail"):
            if isinstance(inner := body.get(name), dict | list | str) and inner:
                return _error(inner)
        if isinstance(inner := body.get("message"), dict):
            return _error(inner)
    return body


def _words(error: object) -> str:
    """The provider's own sentence, where its answer has one."""
    if isinstance(error, str):
        return error
    found = (_member(error, name) for name in ("message", "msg", "error_description", "reason"))
    return next((words for words in found if words), "")


def _raw(error: object) -> str:
    """What a provider behind this one has said."""
    metadata = error.get("metadata") if isinstance(error, dict) else None
    return _member(metadata, "raw")


def _member(error: object, name: str) -> str:
    value = error.get(name) if isinstance(error, dict) else None
    return value if isinstance(value, str) else ""


def _status(error: object) -> int | None:
    found = [error.get(name) for name in ("code", "status", "status_code")] if isinstance(error, dict) else []
    numbers = (int(each) for each in found if isinstance(each, int) or (isinstance(each, str) and each.isdecimal()))
    return next((number for number in numbers if 400 <= number < 600), None)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait (RFC 9110, section 10.2.3), where the provider says it."""
    if (said := headers.get("retry-after-ms", "")).isdecimal():
        return int(said) / 1000
    said = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", said):
        return float(said)
    try:
        when = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _when(wait: float | None) -> str:
    """When to come back, as a person says it."""
    if wait is None:
        return "later"
    if wait < 1:
        return "in a moment"
    return f"in {next(_spans(wait))}"


def _spans(seconds: float) -> Iterator[str]:
    for name, length, most in (("second", 1, 120), ("minute", 60, 120 * 60), ("hour", 3600, 48 * 3600)):
        if seconds < most:
            count = round(seconds / length)
            yield f"{count} {name}" if count == 1 else f"{count} {name}s"
    yield "some days" if seconds > 30 * 86_400 else f"{round(seconds / 86_400)} days"


def read(body: bytes) -> object:
    """A body as JSON, or as text."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")


def _without(secrets: Sequence[str], text: str) -> str:
    for secret in secrets:
        text = text.replace(secret, "…")
    line = next(iter(_KEY.sub("…", text).strip().splitlines()), "")
    return line if len(line) <= _LONGEST_DETAIL else line[:_LONGEST_DETAIL] + "…"
