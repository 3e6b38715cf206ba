"""What a model has used."""

from typing import Any, Self

import strawberry


@strawberry.type(description="Tokens, as the provider counted them.")
class Usage:
    """What a run cost."""

    input_tokens: int | None = strawberry.field(description="Tokens that the model read, cached ones included.")
    output_tokens: int | None = strawberry.field(description="Tokens that the model wrote, reasoning included.")
    reasoning_tokens: int | None = strawberry.field(description="Tokens of reasoning, where the provider tells.")
    cached_input_tokens: int | None = strawberry.field(
        description="Tokens that the provider had cached, where it tells."
    )

    @classmethod
    def of(cls, stored: dict[str, Any] | None) -> Self | None:
        """The stored usage, if there is one."""
        if stored is None:
            return None
        return cls(
            input_tokens=stored.get("inputTokens"),
            output_tokens=stored.get("outputTokens"),
            reasoning_tokens=stored.get("reasoningTokens"),
            cached_input_tokens=stored.get("cachedInputTokens"),
        )
