"""Reading a small file that somebody names: what is none is an error, and nothing waits for it."""

import codecs
import errno
import os
import stat
from pathlib import Path


def read(path: Path, most: int) -> bytes:
    """A file, or more than `most` bytes of it, without the mark that some editors put before UTF-8.

    Raises:
        OSError: it cannot be read, or is no file: a pipe could keep its reader waiting for ever. `strerror` says why.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "It is a pipe or a device, and no file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(most + 1 + len(codecs.BOM_UTF8)).removeprefix(codecs.BOM_UTF8)
    finally:
        os.close(descriptor)
