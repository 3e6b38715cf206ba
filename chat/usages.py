"""What a model has used, as clients see it."""

from llm.events import Usage


def of(usage: Usage) -> dict[str, int]:
    """The tokens that a provider has counted, by the names of the API; what it did not tell is left out."""
    counts = {
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "reasoningTokens": usage.reasoning_tokens,
        "cachedInputTokens": usage.cached_input_tokens,
    }
    return {name: count for name, count in counts.items() if count is not None}
