import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.engines.processes import pids_of


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that no engine may outlive."""
    place = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    yield place
    left = pids_of(place)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    run = place / "run"
    if run.is_symlink():
        shutil.rmtree(run.readlink())
    shutil.rmtree(place)
    assert left == []
