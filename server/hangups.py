"""What SIGHUP asks for: to read a file again, or to end because the terminal has gone."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Hangups:
    """Made at the start, to tell a terminal that has gone since from one that was never there."""

    def __init__(self) -> None:
        self.ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as under `nohup`
        self._had_terminal = _has_terminal()

    def end(self) -> bool:
        """Whether a SIGHUP that has come now means that the process is to end."""
        return self._had_terminal and not self.ignored and not _has_terminal()


def hear(read: Callable[[], object]) -> None:
    """From here on SIGHUP reads again, or ends the process with its terminal; a server hears it in its own way."""
    heard = Hangups()

    def answer(*_: object) -> None:
        if heard.end():
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            read()

    if not heard.ignored:
        signal.signal(signal.SIGHUP, answer)


def ignore(loop: asyncio.AbstractEventLoop) -> None:
    """From here on nobody hears SIGHUP, which a loop that closes would leave to end the process halfway."""
    with blocked():
        loop.remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


@contextmanager
def blocked() -> Iterator[None]:
    """Keeps SIGHUP waiting, also in the processes that are started meanwhile, until they take it themselves."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
