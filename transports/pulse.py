"""Beats for many sockets by one timer."""

import asyncio
import logging
from typing import Protocol

_log = logging.getLogger("transom.graphql")

_TURNS = 100
_SHORTEST = 0.01


class Beating(Protocol):
    """Who has a pulse."""

    def beat(self) -> None:
        """Called at each beat."""


type Turn = set[Beating]
"""Those who beat at the same time; to leave, be discarded from it."""


class Pulse:
    """Calls each member every `interval` seconds. They take turns: ten thousands at once would hold up all others."""

    def __init__(self, interval: float) -> None:
        count = max(1, min(_TURNS, int(interval / _SHORTEST)))
        self._turns: list[Turn] = [set() for _ in range(count)]
        self._pause = interval / count
        self._last = 0
        self._timer: asyncio.TimerHandle | None = None

    def join(self, member: Beating) -> Turn:
        """Has a member's pulse begin, an interval from now."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._beat)
        turn = self._turns[self._last]
        turn.add(member)
        return turn

    def _beat(self) -> None:
        self._timer = None
        self._last = (self._last + 1) % len(self._turns)
        for member in list(self._turns[self._last]):
            try:
                member.beat()
            except Exception:
                _log.exception("A socket could not be pinged.")
        if any(self._turns):
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._beat)
