"""Ends the engines of a folder when the server that started this program is gone without having done so itself.

Run as a program of its own: `python -I guard.py folder`, with a pipe as standard input whose other end only the server
holds. The kernel closes that end when the server dies, of SIGKILL too; a server that leaves in order ends its guard.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

GRACE = 10.0
"""Seconds in which another server may take the engines over: the next start of one that was killed."""


class Guard:
    """A guard of this process, until `dismiss`."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    @classmethod
    def post(cls, folder: Path, log: Path) -> Self:
        """Starts one for a folder, in a session of its own, so that no Ctrl-C reaches it."""
        with log.open("ab") as errors:
            command = [sys.executable, "-I", __file__, str(folder)]
            return cls(
                subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    cwd="/",
                    start_new_session=True,
                )
            )

    def dismiss(self) -> None:
        """Ends it: there is nothing left to guard."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


def main() -> None:
    """Waits for the end of the server, and then joins and leaves as another one: the last to leave ends the engines."""
    folder = Path(sys.argv[1])
    while os.read(0, 1):
        pass
    time.sleep(GRACE)
    if (folder / "locks").is_dir():
        from engines.running import visit  # noqa: PLC0415  (not while there is nothing to do)

        visit(folder)


if __name__ == "__main__":
    main()
