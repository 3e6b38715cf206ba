"""Asking others where a provider is down, before anything of a reply has come."""

import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from llm import dialects, outages
from llm.catalogs import Provider
from llm.errors import ModelError, ModelErrorCode
from llm.events import Event, Finished, Progress
from llm.model import Model
from llm.outages import Outages
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
    outages: Outages
    """Those of the provider."""

    @property
    def asked(self) -> str | None:
        """The name that it will be asked by, as far as that is known."""
        return self.name or self.provider.model


async def stream(candidates: Callable[[], Sequence[Candidate]], request: Request) -> AsyncGenerator[Event]:
    """The events of the first candidate that is not down. `Finished` says who answered.

    `candidates` is called once, when the first event is asked for. Those that nobody could reach a moment ago are asked
    last (`llm.outages`).

    Once anything of a reply has come, nobody else is asked, so nothing is told twice. A fallback that does not take
    the request's parameters is passed over. Where all are down, the failure is that of the first in the chain.

    Raises:
        ModelError: see `Model.stream`.
    """
    chain = [each for number, each in enumerate(candidates()) if not number or _takes(each, request)]
    dialects.check(chain[0].provider, request.parameters)
    failed: dict[int, ModelError] = {}
    for number in _in_turn(chain):
        candidate = chain[number]
        begun = False
        try:
            async with aclosing(candidate.model.stream(replace(request, model=candidate.name))) as events:
                async for event in events:
                    if not begun and type(event) is not Progress:  # `type` and `is`: this is done for every token
                        begun = True
                        candidate.outages.ended(candidate.asked)
                    yield _signed(event, candidate) if type(event) is Finished else event
            return
        except ModelError as error:
            if begun:
                raise
            _remember(candidate, error, request)
            if number == 0 and error.code not in DOWN:
                raise
            if len(chain) > 1:
                _log.warning("The model provider '%s' did not answer: %s", candidate.provider.name, error.code)
            failed[number] = error
    raise failed[min(failed)]


def _remember(candidate: Candidate, error: ModelError, request: Request) -> None:
    if error.code not in outages.COSTLY:
        candidate.outages.ended(candidate.asked)
    elif error.code is not ModelErrorCode.TIMED_OUT or not _hurries(request, candidate.provider):
        candidate.outages.began(candidate.asked)


def _hurries(request: Request, provider: Provider) -> bool:
    """Whether an agent waits less than others do, to whom its own impatience must say nothing."""
    return request.silence is not None and request.silence < provider.silence


def _takes(candidate: Candidate, request: Request) -> bool:
    try:
        dialects.check(candidate.provider, request.parameters)
    except ModelError:
        return False
    return True


def _in_turn(chain: Sequence[Candidate]) -> Iterator[int]:
    """Everybody once, by their places in the chain; whoever is known to be down comes last."""
    later = list[int]()
    for number, candidate in enumerate(chain):
        if candidate.outages.lasts(candidate.asked):
            later.append(number)
        else:
            yield number
    yield from later


def _signed(event: Finished, candidate: Candidate) -> Finished:
    model = event.model or candidate.name or candidate.provider.model
    return replace(event, provider=candidate.provider.name, model=model)
