"""The highest load at which everything arrives in time, by stepping."""

from collections.abc import Iterator
from contextlib import ExitStack

from bench.contenders import Contender
from bench.trial import Attempt, Shape, Trial, trial

STRIDE = 1.5
"""By how much the load grows as long as nothing is known."""
CLOSE = 1.1
"""How near the lowest load that is too much may be to the highest that is not."""
LEAST = 100.0
TRIES = 2
"""How often a load must be too much in a row; once may be the machine's fault."""


class _Fresh:
    """A trial; whenever a load was too much, one with a fresh server."""

    def __init__(self, contender: Contender, shape: Shape) -> None:
        self._contender = contender
        self._shape = shape
        self._stack = ExitStack()
        self._trial: Trial | None = None

    def at(self, load: float, seconds: float) -> Attempt:
        for _ in range(TRIES):
            if self._trial is None:
                self._trial = self._stack.enter_context(trial(self._contender, self._shape))
            attempt = self._trial.at(load, seconds)
            if attempt.reason is None:
                break
            self.close()
        return attempt

    def close(self) -> None:
        self._trial = None
        self._stack.close()


def highest(contender: Contender, shape: Shape, guess: float, seconds: float) -> Attempt:
    """The attempt with the highest load that was not too much."""
    for attempt in attempts(contender, shape, guess, seconds):
        best = attempt
    return best


def attempts(contender: Contender, shape: Shape, guess: float, seconds: float) -> Iterator[Attempt]:
    """Each attempt that was better than those before; the first is of no load at all."""
    best = Attempt(0, 0, 0, 0, 0)
    too_much, load = float("inf"), guess
    fresh = _Fresh(contender, shape)
    try:
        yield best
        while load >= LEAST and too_much > CLOSE * max(best.load, 1):
            attempt = fresh.at(load, seconds)
            if attempt.reason is None and attempt.load > best.load:
                best = attempt
                yield best
            elif attempt.reason is not None:
                too_much = min(too_much, attempt.load)
            load = _next(best.load, too_much)
            if shape.of(load) in (shape.of(best.load), shape.of(too_much) if too_much < float("inf") else None):
                return
    finally:
        fresh.close()


def _next(best: float, too_much: float) -> float:
    if too_much == float("inf"):
        return best * STRIDE
    return float((best * too_much) ** 0.5) if best else too_much / STRIDE
