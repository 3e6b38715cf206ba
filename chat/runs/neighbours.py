"""Server processes of the same machine, which can tell at once that one of them is dead.

A process holds a sign while it lives: a datagram socket with a name in Linux's abstract namespace (unix(7)). The kernel
takes it away when the process ends, however that happens, and nobody else can have it meanwhile; a process that is
paused still holds it. The names of the namespace are those of one network namespace of one running kernel. So a
producer's name says where it lives, and only who lives there, too, judges it: elsewhere its lease does.
"""

import hashlib
import os
import re
import secrets
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_PREFIX = "\0transom."


@contextmanager
def sign() -> Iterator[str]:
    """A name for a process, as a producer, and a sign that it lives; for as long as the context.

    Where signs are not possible (outside of Linux, or in a sandbox without sockets) it is a name only.
    """
    name, here = f"{os.getpid()}-{secrets.token_hex(6)}", place()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as held:
        if here is not None:
            try:
                held.bind(_PREFIX + name)
                name = f"{name}@{here}"
            except OSError:
                pass
        yield name


def dead(producers: Iterable[str]) -> list[str]:
    """Those of the producers who lived here, and have no sign any more: they write nothing ever again."""
    here = place()
    if here is None:
        return []
    lived_here = re.compile(rf"([0-9]+-[0-9a-f]+)@{here}")
    found = (lived_here.fullmatch(name) for name in producers)
    return [each[0] for each in found if each is not None and not _has_sign(each[1])]


def _has_sign(name: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(_PREFIX + name)
        except ConnectionRefusedError:
            return False
        except OSError:  # such as EPERM: somebody is there
            return True
        return True


@cache
def place() -> str | None:
    """Which namespace of which running kernel this is, for all of its processes alike; None where that is not known.

    The addresses of its network cards tell copies of a running machine apart, which have all else in common.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        network = str(Path("/proc/self/ns/net").readlink())
        cards = sorted((card / "address").read_text() for card in _cards())
    except OSError:
        return None
    known = "\n".join((boot, network, socket.gethostname(), *cards))
    return hashlib.sha256(known.encode()).hexdigest()[:16]


def _cards() -> Iterator[Path]:
    found = Path("/sys/class/net")
    yield from (card for card in (found.iterdir() if found.is_dir() else ()) if (card / "device").exists())
