"""The parameters of a request that every provider understands, and their limits."""

from collections.abc import Callable, Mapping

from llm import formats
from llm.errors import ModelError, ModelErrorCode


def _number(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _stops(value: object) -> bool:
    stops = value if isinstance(value, list | tuple) else (value,)
    return all(isinstance(stop, str) and stop for stop in stops)


_RULES: dict[str, tuple[Callable[[object], bool], str]] = {
    "temperature": (lambda value: _number(value, 0, 2), "a number from 0 to 2"),
    "max_tokens": (lambda value: _whole(value) and value != 0, "a whole number above 0"),
    "top_p": (lambda value: _number(value, 0, 1) and value != 0, "a number above 0, up to 1"),
    "seed": (_whole, "a whole number, 0 or above"),
    "stop": (_stops, "a text, or a list of texts"),
    "silence": (lambda value: _number(value, 1, 3600), "a number of seconds from 1 to 3,600"),
    "response_format": (formats.is_one, "an object with the 'type' text, json_object or json_schema"),
}


def check(parameters: Mapping[str, object]) -> None:
    """See that every parameter is known and within its limits. `None` counts as not given.

    Raises:
        ModelError: `BAD_REQUEST`, with a reason that names the parameter and what it may be.
    """
    for name, value in parameters.items():
        if name not in _RULES:
            known = ", ".join(_RULES)
            raise ModelError(f"There is no parameter '{name}'. Known are: {known}.", ModelErrorCode.BAD_REQUEST)
        allows, limits = _RULES[name]
        if value is not None and not allows(value):
            raise ModelError(f"The parameter '{name}' must be {limits}.", ModelErrorCode.BAD_REQUEST)
    formats.check(parameters.get("response_format"))
