"""PostgreSQL: a server on a cluster in the data folder, reached over a Unix socket only."""

import socket
from pathlib import Path
from signal import Signals
from urllib.parse import quote

from engines.accounts import Account
from engines.cluster import NAME, Cluster
from engines.folders import Folder
from engines.processes import Process

_PORT = 5432
_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"

_OPTIONS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    # Nothing acknowledged is ever lost.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # A laptop's share of memory and disk.
    "shared_buffers": "128MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "1GB",
    "min_wal_size": "80MB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # What people write stays out of the log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class Postgres:
    """The database engine."""

    patience = 60.0

    def __init__(self, folder: Folder) -> None:
        self.process = Process("PostgreSQL", lock=folder.locks / "postgres", log=folder.logs / "postgres.log")
        self._folder = folder
        self._sockets = Path()
        self._cluster: Cluster | None = None

    @property
    def url(self) -> str:
        """The address of the database, for asyncpg and, with the driver named, SQLAlchemy."""
        return f"postgresql://{NAME}@/{NAME}?host={quote(str(self._sockets))}&port={_PORT}"

    def prepare(self) -> None:
        """Make the cluster at first, and see that it can be used.

        Raises:
            EngineError: it cannot be made, or is of another version or user.
        """
        data = self._folder.postgres
        account = Account.for_data(data)
        self._sockets = self._folder.sockets()
        if account:
            account.own(self._sockets)
        self._cluster = Cluster(data, sockets=self._sockets, account=account, log=self.process.log)
        if not data.exists():
            self._cluster.create()
        self._cluster.check()

    def launch(self) -> None:
        """Start the server of a prepared cluster; after a crash it recovers first.

        Raises:
            EngineError: the cluster is gone, or in use by a server that is not ours.
        """
        cluster = self._cluster
        assert cluster is not None
        cluster.check()
        self.process.end_orphans()
        for lock_file in (cluster.path / "postmaster.pid", self._socket.with_name(f"{self._socket.name}.lock")):
            cluster.disown(lock_file)
        options = _OPTIONS | {"unix_socket_directories": str(self._sockets)}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        self.process.launch(cluster.command("postgres", "-D", str(cluster.path), *words))

    def is_alive(self) -> bool:
        """Whether the server takes connections, if only to say that it is still starting."""
        with socket.socket(socket.AF_UNIX) as unix:
            unix.settimeout(1)
            try:
                unix.connect(str(self._socket))
                unix.sendall(_SSL_REQUEST)
                return unix.recv(1) in {b"N", b"S"}
            except OSError:
                return False

    def is_ready(self) -> bool:
        """Whether the server takes queries."""
        try:
            lines = (self._folder.postgres / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        says_so = len(lines) > 7 and lines[0] == str(self.process.pid()) and lines[7].strip() == "ready"
        return says_so and self.is_alive()

    def end(self, *, gently: bool = True) -> None:
        """Stop the server: if gently, when running transactions are rolled back and all is on disk."""
        self.process.end(*([(Signals.SIGINT, 30.0)] if gently else []), (Signals.SIGQUIT, 2.0))

    @property
    def _socket(self) -> Path:
        return self._sockets / f".s.PGSQL.{_PORT}"
