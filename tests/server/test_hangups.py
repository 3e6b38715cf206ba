"""SIGHUP from an operator is told from that of a terminal which has gone."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from server import hangups

_PROGRAM = """
import fcntl, signal, sys, termios
from server.hangups import Hangups
if sys.argv[1] == "terminal":
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
if sys.argv[2] == "nohup":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
hangups = Hangups()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
signal.signal(signal.SIGHUP, lambda *_: None)
print("ready", flush=True)
for _ in range(int(sys.argv[3])):
    signal.sigwait([signal.SIGHUP])
    print(hangups.end(), flush=True)
"""


class Program:
    def __init__(self, terminal: str, ignored: str, times: int) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, terminal, ignored, str(times)],
            stdin=slave,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        os.close(slave)
        assert self.line() == "ready"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def lose_the_terminal(self) -> None:
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        if self._master >= 0:
            self.lose_the_terminal()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def program(request: pytest.FixtureRequest) -> Iterator[Program]:
    program = Program(*request.param)
    yield program
    program.close()


@pytest.mark.parametrize("program", [("terminal", "plain", 2)], indirect=True)
def test_a_terminal_that_has_gone_ends_the_server(program: Program) -> None:
    program.process.send_signal(signal.SIGHUP)
    assert program.line() == "False"
    program.lose_the_terminal()
    assert program.line() == "True"


@pytest.mark.parametrize("program", [("terminal", "nohup", 1)], indirect=True)
def test_under_nohup_it_does_not(program: Program) -> None:
    program.lose_the_terminal()
    assert program.line() == "False"


@pytest.mark.parametrize("program", [("none", "plain", 1)], indirect=True)
def test_a_server_without_a_terminal_has_none_to_lose(program: Program) -> None:
    program.process.send_signal(signal.SIGHUP)
    assert program.line() == "False"


def test_what_is_ignored_stays_so_until_a_server_hears_it() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        hangups.hear(lambda: None)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
