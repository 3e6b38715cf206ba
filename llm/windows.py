"""How many tokens a model reads at once, as far as that is known of it."""

from functools import cache

UNKNOWN = 128_000
"""Tokens that a model is taken to read of which nothing is known; it says so itself where it reads less."""


@cache
def known(model: str) -> int | None:
    """The tokens that a model reads at once, with what it writes, by its name; None where that is not known.

    The name may be behind that of a provider, as in `anthropic/claude-opus-4-5`. The first call takes half a second.
    """
    from genai_prices import data_snapshot  # noqa: PLC0415  (slow to import)

    for name in (model, model.rpartition("/")[2]):
        try:
            _, found = data_snapshot.get_snapshot().find_provider_model(name, None, None, None)
        except LookupError:
            continue
        if found.context_window:
            return found.context_window
    return None
