"""Asking others where a provider is down, before anything of a reply has come."""

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from llm import dialects
from llm.catalogs import Provider
from llm.errors import ModelError, ModelErrorCode
from llm.events import Event, Finished, Progress
from llm.model import Model
from llm.turns import Request

_log = logging.getLogger("transom.models")

DOWN = (
    ModelErrorCode.UNREACHABLE,
    ModelErrorCode.PROVIDER_FAILED,
    ModelErrorCode.TIMED_OUT,
    ModelErrorCode.RATE_LIMITED,
)
"""Failures that another provider may not have. The others would be the same elsewhere, or are to be seen to."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who can be asked."""

    provider: Provider
    model: Model
    name: str | None
    """The provider's name of the model; None: its default one."""


async def stream(candidates: Callable[[], Sequence[Candidate]], request: Request) -> AsyncGenerator[Event]:
    """The events of the first candidate that is not down. `Finished` says who answered.

    `candidates` is called once, when the first event is asked for.

    Once anything of a reply has come, nobody else is asked, so nothing is told twice. A fallback that does not take
    the request's parameters is passed over. Where all are down, the failure is the first one's.

    Raises:
        ModelError: see `Model.stream`.
    """
    first: ModelError | None = None
    chain = candidates()
    for candidate in chain:
        try:
            dialects.check(candidate.provider, request.parameters)
        except ModelError:
            if first is None:
                raise
            continue
        begun = False
        try:
            async with aclosing(candidate.model.stream(replace(request, model=candidate.name))) as events:
                async for event in events:
                    begun = begun or type(event) is not Progress  # `type` and `is`: this is done for every token
                    yield _signed(event, candidate) if type(event) is Finished else event
            return
        except ModelError as error:
            if begun or (first is None and error.code not in DOWN):
                raise
            if len(chain) > 1:
                _log.warning("The model provider '%s' did not answer: %s", candidate.provider.name, error.code)
            first = first or error
    assert first is not None
    raise first


def _signed(event: Finished, candidate: Candidate) -> Finished:
    model = event.model or candidate.name or candidate.provider.model
    return replace(event, provider=candidate.provider.name, model=model)
