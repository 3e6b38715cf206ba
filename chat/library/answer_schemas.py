"""The schema that an agent's answers are to fit, seen to before there is any."""

from collections.abc import Mapping

from chat.refusals import InvalidInput
from llm import formats, schemas


async def check(parameters: Mapping[str, object] | None) -> None:
    """Sees that the schema of an agent's answers, if it has one, can be used.

    Raises:
        InvalidInput: it is no JSON Schema, or one that we do not check by.
    """
    asked = formats.of(parameters or {})
    if asked is None or asked.schema is None:
        return
    if (wrong := await schemas.check(asked.schema)) is not None:
        where = f" at '{wrong.pointer}'" if wrong.pointer else ""
        raise InvalidInput("parameters", f"The schema of 'response_format' cannot be used{where}: {wrong.reason}.")
