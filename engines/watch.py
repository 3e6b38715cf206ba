"""Brings an engine that died under a running server back, at the same address."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Protocol

from engines import locks
from engines.errors import Busy, EngineError
from engines.processes import Process

_log = logging.getLogger(__name__)

_INTERVAL = 0.2
_LONGEST_PAUSE = 30.0


class Engine(Protocol):
    """What PostgreSQL, Valkey and the model have in common."""

    process: Process
    patience: float

    @property
    def url(self) -> str:
        """Where clients reach it; stays the same while any server runs."""

    def prepare(self) -> None:
        """Make what it needs in the folder."""

    def launch(self) -> None:
        """Start its process."""

    def is_alive(self) -> bool:
        """Whether its process responds at all."""

    def is_ready(self) -> bool:
        """Whether it can be used."""

    def end(self, *, gently: bool = True) -> None:
        """Stop its process and wait until it is gone."""


class Watch:
    """A thread that looks after engines from `start` to `stop`.

    A first death is repaired within about half a second; one that dies again and again is started less and less
    often, every 30 seconds at last.
    """

    def __init__(self, engines: Sequence[Engine], turns: locks.Turns) -> None:
        self._engines = engines
        self._turns = turns
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engines", daemon=True)
        self._pauses: dict[str, float] = {}
        self._not_before: dict[str, float] = {}

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; returns when a repair that is under way is finished."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(_INTERVAL):
            for engine in self._engines:
                try:
                    self._look_after(engine)
                except Busy:
                    continue
                except (EngineError, OSError) as error:
                    _log.error("%s cannot be started again: %s", engine.process.name, error)

    def _look_after(self, engine: Engine) -> None:
        name, now = engine.process.name, time.monotonic()
        if engine.process.pid() is not None or now < self._not_before.get(name, 0):
            return
        with self._turns.take(patience=0.1):
            if engine.process.pid() is not None:
                return
            lived = now - self._not_before.get(name, 0)
            pause = min(self._pauses.get(name, 0.25) * 2, _LONGEST_PAUSE) if lived < 2 * _LONGEST_PAUSE else 0.5
            self._pauses[name] = pause
            self._not_before[name] = now + pause
            _log.warning("%s has died and is started again; its log is %s", name, engine.process.log)
            engine.launch()
