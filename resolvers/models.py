"""The models that agents can answer with."""

from chat.library import model_choices
from schema.context import Info
from schema.model import Model


async def everything(info: Info) -> list[Model]:
    """All of the server's."""
    return [Model.of(known) for known in await model_choices.models(info.context.scope)]
