"""A real PgBouncer before a PostgreSQL, which may be killed and started again."""

import asyncio
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

import asyncpg

from engines.accounts import Account
from tests.support import debian
from tests.support.postgres import free_port


class PgBouncer:
    """A pooler for all databases of the server at an address, for the login of the address; an async context manager.

    `size` is how many connections to the server all clients of a database share.
    """

    def __init__(
        self, url: str, *, size: int = 2, mode: str = "transaction", logins: str = "", **settings: str
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="t-pgbouncer-", dir="/tmp"))
        self.port = free_port()
        self._account = Account.for_data(self.folder)
        server, query = urlsplit(url), parse_qs(urlsplit(url).query)
        self.login = server.username or ""
        host, port = query.get("host", [server.hostname])[0], query.get("port", [server.port])[0]
        lines = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "trust",
            "auth_file": self.folder / "logins",
            "pool_mode": mode,
            "default_pool_size": size,
            "max_client_conn": 400,
        } | settings
        words = "".join(f"{name} = {value}\n" for name, value in lines.items())
        (self.folder / "ini").write_text(f"[databases]\n* = host={host} port={port}\n[pgbouncer]\n{words}")
        (self.folder / "logins").write_text("".join(f'"{login}" ""\n' for login in [self.login, *logins.split()]))
        if self._account:
            self._account.own(self.folder)
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()
        shutil.rmtree(self.folder)

    def url(self, database: str, login: str | None = None) -> str:
        """The address of a database through the pooler."""
        return f"postgresql://{login or self.login}@127.0.0.1:{self.port}/{database}"

    async def start(self) -> None:
        """Starts the pooler, and waits until it answers."""
        command = debian.command(self._account, self.folder, "pgbouncer", str(self.folder / "ini"))
        self._process = await debian.start(command, self.folder / "log")
        await debian.until_answer(self._process, self.folder / "log", self._answers)

    async def kill(self) -> None:
        """Ends the pooler with SIGKILL: no connection is told."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url("postgres"), statement_cache_size=0)
        except (OSError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True
