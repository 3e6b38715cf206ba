"""What can go wrong with a model, as a closed set of codes and a sentence for a person."""

from enum import StrEnum


class ModelErrorCode(StrEnum):
    """Why a model gave no (complete) reply. Closed: every failure of every provider is one of these."""

    UNREACHABLE = "UNREACHABLE"
    """Nobody answers there, or it is not ready to. Nothing is wrong with the request: later may work."""
    UNAUTHORIZED = "UNAUTHORIZED"
    """The key is missing, wrong, or may not use this model."""
    RATE_LIMITED = "RATE_LIMITED"
    """Too many requests or tokens, or an exhausted quota; `retry_after` tells when to try again, if known."""
    TOO_LONG = "TOO_LONG"
    """The conversation does not fit into what the model can read at once."""
    REFUSED = "REFUSED"
    """The provider's rules on content forbid an answer."""
    BAD_REQUEST = "BAD_REQUEST"
    """The request cannot be answered as it is: a wrong parameter, an unknown model, a file it cannot read."""
    PROVIDER_FAILED = "PROVIDER_FAILED"
    """The provider broke: an internal error, a reply cut off, an answer that is not understood."""
    INVALID_OUTPUT = "INVALID_OUTPUT"
    """The answer is whole, but not what the agent's `response_format` asks for: no JSON, or none that fits."""
    NOT_CONFIGURED = "NOT_CONFIGURED"
    """There is no such provider here, it lacks a key or a model, or its address is no longer the right one."""
    TIMED_OUT = "TIMED_OUT"
    """The provider is connected, and silent for too long."""


class ModelError(Exception):
    """A model gave no (complete) reply.

    `reason` is one or two sentences that a person can act on; it holds no key, no address with a password and no
    stack trace. `retry_after` is in seconds, and only known when the provider told it. So are `window` and `read`,
    where a conversation was too long: the tokens that the model can read, and those of the conversation.
    """

    def __init__(
        self,
        reason: str,
        code: ModelErrorCode,
        *,
        retry_after: float | None = None,
        window: int | None = None,
        read: int | None = None,
    ) -> None:
        super().__init__(reason, code)
        self.reason = reason
        self.code = code
        self.retry_after = retry_after
        self.window = window
        self.read = read

    def __str__(self) -> str:
        return self.reason
