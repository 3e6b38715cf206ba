"""What SIGHUP asks for: to read a file again, or to end because the terminal has gone."""

import os
import signal


class Hangups:
    """Made at the start, to tell a terminal that has gone since from one that was never there."""

    def __init__(self) -> None:
        self._ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as under `nohup`
        self._had_terminal = _has_terminal()

    def end(self) -> bool:
        """Whether a SIGHUP that has come now means that the process is to end."""
        return self._had_terminal and not self._ignored and not _has_terminal()


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
