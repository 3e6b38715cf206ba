"""What a model has used, as clients see it."""

from llm.events import Usage

_COUNTS = range(2**31)


def of(usage: Usage) -> dict[str, int]:
    """The tokens that a provider has counted, by the names of the API; what it did not tell is left out.

    So is what is no count: less than 0, or more than the API's integers hold.
    """
    counts = {
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "reasoningTokens": usage.reasoning_tokens,
        "cachedInputTokens": usage.cached_input_tokens,
    }
    return {name: count for name, count in counts.items() if count is not None and count in _COUNTS}
