"""Children that end when the test run does, however that ends: also by SIGKILL."""

import shutil
from collections.abc import Sequence
from pathlib import Path


def mortal(command: Sequence[str | Path], *, ends_by: str = "KILL") -> list[str]:
    """The command, as one that gets the signal `ends_by` when the process that started it has died (prctl(2))."""
    assert shutil.which("setpriv"), "The tests need `setpriv`: install util-linux."
    return ["setpriv", "--pdeathsig", ends_by, *map(str, command)]
