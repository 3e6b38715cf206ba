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


def _up_to_stops(most: int) -> Rule:
    return (lambda value: len(_stops(value)) <= most), f"takes up to {most} texts as `stop`"


ANTHROPIC: Mapping[str, Rule] = {
    "temperature": (_up_to(1), "takes a `temperature` from 0 to 1"),
    "seed": (_never, "takes no `seed`"),
    "stop": (_visible, "takes no `stop` that is only blanks"),
}
"""https://docs.anthropic.com/en/api/messages."""
HOSTS: Mapping[str, Mapping[str, Rule]] = {
    "openai.com": {"stop": _up_to_stops(4)},
    "azure.com": {"stop": _up_to_stops(4)},
    "groq.com": {"stop": _up_to_stops(4)},
    "googleapis.com": {"stop": _up_to_stops(5)},
    "deepseek.com": {"stop": _up_to_stops(16)},
    "mistral.ai": {"seed": (_never, "takes no `seed`")},
}
"""Of companies that speak OpenAI's dialect, by the ends of their hosts. Servers of one's own take whatever it has."""


def rules(provider: Provider) -> Mapping[str, Rule]:
    """The rules of a provider beyond those of all."""
    parts = urlsplit(provider.url or "https://api.openai.com/v1")
    if parts.scheme == "scripted":
        return {}
    if provider.dialect == "anthropic":
        return ANTHROPIC
    host = f".{parts.hostname}"
    return next((limits for end, limits in HOSTS.items() if host.endswith(f".{end}")), {})


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
