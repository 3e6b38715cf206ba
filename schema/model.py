"""What an agent can answer with."""

from typing import Self

import strawberry

from llm import catalogs
from llm.offering import Known


@strawberry.type(description="What a million tokens of a model cost.")
class ModelPrices:
    """As the operator has set them, or as the provider lists them."""

    currency: str = strawberry.field(description="Such as `USD`.")
    input: float | None = strawberry.field(description="What a million tokens cost that the model reads.")
    cached_input: float | None = strawberry.field(description="What they cost where the provider had cached them.")
    output: float | None = strawberry.field(description="What a million tokens cost that the model writes.")

    @classmethod
    def of(cls, prices: catalogs.Prices | None) -> Self | None:
        """The prices, if they are known."""
        if prices is None:
            return None
        return cls(currency=prices.currency, input=prices.input, cached_input=prices.cached_input, output=prices.output)


@strawberry.type(description="A model that an agent can answer with. What is null is not known.")
class Model:
    """The same for every viewer."""

    id: strawberry.ID = strawberry.field(description="What an agent has as its `model` to answer with this one.")
    provider: str = strawberry.field(description="The provider that runs it, by its name at this server.")
    name: str = strawberry.field(description="The provider's own name of it.")
    context: int | None = strawberry.field(description="How many tokens it can read and write together.")
    images: bool | None = strawberry.field(description="Whether it can see pictures.")
    tools: bool | None = strawberry.field(description="Whether it can call tools.")
    reasoning: bool | None = strawberry.field(description="Whether it can think before it answers.")
    prices: ModelPrices | None = strawberry.field(description="What its tokens cost.")
    is_default: bool = strawberry.field(description="Whether it answers where an agent names none.")

    @classmethod
    def of(cls, known: Known) -> Self:
        """A model as clients see it."""
        offer = known.offer
        return cls(
            id=strawberry.ID(known.id),
            provider=known.provider,
            name=offer.name,
            context=offer.context,
            images=offer.images,
            tools=offer.tools,
            reasoning=offer.reasoning,
            prices=ModelPrices.of(offer.prices),
            is_default=known.is_default,
        )
