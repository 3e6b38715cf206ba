"""Becomes an engine: takes the engine's lock, then runs the command given, as the same process.

Run as a program, with nothing but the standard library: `python -I -S launch.py program argument...`. The lock file is
descriptor 3 and stays open, so that every process that descends from the engine can be told by it.
"""

import fcntl
import os
import sys

LOCK = 3


def main() -> None:
    """Take the lock and become the command; ends with a sentence if another process has the lock."""
    try:
        fcntl.lockf(LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        sys.exit(f"This engine runs already: {error}")
    os.set_inheritable(LOCK, True)
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
