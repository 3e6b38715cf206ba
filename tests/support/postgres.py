"""A PostgreSQL that is not the embedded one: Debian's, on a scratch cluster."""

import asyncio
import shutil
import socket
import tempfile
from pathlib import Path
from signal import SIGINT
from typing import Self
from urllib.parse import quote

import asyncpg

from engines.accounts import Account
from tests.support import debian

ADMINISTRATOR = "transom"


class Postgres:
    """One server, on a socket without passwords and on a loopback port with; an async context manager."""

    def __init__(self, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="t-postgres-", dir="/tmp"))
        self.port = free_port()
        self.account = Account.for_data(self.folder)
        self._settings = {"fsync": "off", "max_connections": "200", "random_page_cost": "1.1"} | settings
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._create()
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        shutil.rmtree(self.folder)

    @property
    def url(self) -> str:
        """The administrator's address of a database `transom`, over the socket."""
        return f"postgresql://{ADMINISTRATOR}@/transom?host={quote(str(self.folder))}&port={self.port}"

    def over_tcp(self, database: str, login: str, password: str) -> str:
        """An address over the loopback port."""
        return f"postgresql://{login}:{password}@127.0.0.1:{self.port}/{database}"

    async def start(self) -> None:
        """Starts the server, and waits for its first answer."""
        settings = self._settings | {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = self._command("postgres", "-D", str(self.folder / "data"), *words)
        self._process = await debian.start(command, self.folder / "log")
        await debian.until_answer(self._process, self.folder / "log", self._answers)

    async def stop(self) -> None:
        """Ends the server; its clients are told."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(SIGINT)
            await self._process.wait()

    async def _create(self) -> None:
        if self.account:
            self.account.own(self.folder)
        words = ("--encoding=UTF8", "--locale=C.UTF-8", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync")
        made = await asyncio.create_subprocess_exec(
            *self._command("initdb", *words, f"--username={ADMINISTRATOR}", "-D", str(self.folder / "data")),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=debian.environment(),
            cwd="/",
        )
        said, _ = await made.communicate()
        assert made.returncode == 0, said.decode()

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url.replace("/transom?", "/postgres?"))
        except (OSError, asyncpg.PostgresError):
            return False
        if not await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = 'transom'"):
            await connection.execute("CREATE DATABASE transom")
        await connection.close()
        return True

    def _command(self, program: str, *words: str) -> list[str]:
        return debian.command(self.account, self.folder, program, *words)


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
