"""What of the parameters a provider's dialect takes, where that is less than `llm.parameters` allows."""

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from llm import parameters
from llm.catalogs import Provider
from llm.errors import ModelError, ModelErrorCode

type Rule = tuple[Callable[[object], bool], str]
"""Whether a value is taken, and what would be, as the end of a sentence."""


def _up_to(most: float) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int | float) and value <= most


def _never(_: object) -> bool:
    return False


def _stops(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else (value,)


def _visible(value: object) -> bool:
    return all(isinstance(stop, str) and stop.strip() for stop in _stops(value))


def _four(value: object) -> bool:
    return len(_stops(value)) <= 4


ANTHROPIC: Mapping[str, Rule] = {
    "temperature": (_up_to(1), "takes a `temperature` from 0 to 1"),
    "seed": (_never, "takes no `seed`"),
    "stop": (_visible, "takes no `stop` that is only blanks"),
}
"""https://docs.anthropic.com/en/api/messages."""
OPENAI: Mapping[str, Rule] = {"stop": (_four, "takes up to 4 texts as `stop`")}
"""https://platform.openai.com/docs/api-reference/chat/create. Servers that are compatible take more."""
_OPENAI_HOSTS = (".openai.com", ".azure.com")


def rules(provider: Provider) -> Mapping[str, Rule]:
    """The rules of a provider beyond those of all."""
    parts = urlsplit(provider.url or "")
    if parts.scheme == "scripted":
        return {}
    if provider.dialect == "anthropic":
        return ANTHROPIC
    return OPENAI if provider.url is None or f".{parts.hostname}".endswith(_OPENAI_HOSTS) else {}


def check(provider: Provider, given: Mapping[str, object]) -> None:
    """Sees that a provider takes these parameters. `None` counts as not given.

    Raises:
        ModelError: `BAD_REQUEST`, with a reason that names the provider, the parameter and what it may be.
    """
    parameters.check(given)
    limits = rules(provider)
    for name, value in given.items():
        if value is not None and name in limits:
            takes, sentence = limits[name]
            if not takes(value):
                raise ModelError(
                    f"The model provider '{provider.name}' {sentence}. Change the parameter, or leave it out.",
                    ModelErrorCode.BAD_REQUEST,
                )
