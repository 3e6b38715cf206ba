"""The engines of a folder run while any server that uses the folder does."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engines import folders, locks
from engines.errors import EngineError
from engines.folders import Folder
from engines.guard import Guard
from engines.model import Model
from engines.postgres import Postgres
from engines.processes import wait
from engines.valkey import Valkey
from engines.watch import Engine, Watch

NO_MODEL = "none:"
"""In the place of a model's address: there is none, or they are in a file."""
_TURN = 90.0
_ADOPTION = 2.0


@dataclass(frozen=True)
class Urls:
    """Where the three engines are, embedded or not."""

    database: str
    """`postgresql://`, over a Unix socket if embedded."""
    redis: str
    """`unix://` if embedded."""
    model: str
    """`http://127.0.0.1:port/v1` if embedded; may refuse connections for a moment, while the model loads."""


class Wanted(Protocol):
    """What is embedded: the engines of a folder for which no address is named."""

    @property
    def data_dir(self) -> Path:
        """The folder of their data."""

    @property
    def database_url(self) -> str | None:
        """PostgreSQL's address."""

    @property
    def redis_url(self) -> str | None:
        """Redis's."""

    @property
    def model_url(self) -> str | None:
        """The model's."""

    @property
    def models_file(self) -> Path | None:
        """The file that names models."""


@contextmanager
def running(settings: Wanted) -> Iterator[Urls]:
    """Have every engine running that the settings name no address for.

    Engines that already run on `data_dir`, for another server or left behind by one that was killed, are shared. A
    dead one is brought back at the same address. Leaving stops all of the folder's engines if no other server uses
    them; leave after the last client of this server has gone. If this process dies without leaving, its guard does so
    in its place, after `guard.GRACE` seconds.

    Raises:
        EngineError: the folder cannot be used, or PostgreSQL or Valkey cannot run.
    """
    model = settings.model_url or ("" if settings.models_file is None else NO_MODEL)
    given = (settings.database_url, settings.redis_url, model)
    if all(given):
        yield Urls(*map(str, given))
        return
    folder = Folder.open(settings.data_dir)
    with _explained(folder):
        engines, turns = _opened(folder)
        guard = Guard.post(folder.root, folder.logs / "guard.log")
    embedded = [engine for engine, url in zip(engines, given, strict=True) if not url]
    watch = Watch(embedded, turns)
    try:
        with turns.take(patience=_TURN):
            share = locks.Share(folder.locks / "servers")
            try:
                with _explained(folder):
                    _start(embedded)
            except BaseException:
                _leave(share, engines)
                raise
        watch.start()
        try:
            yield Urls(*(url or engine.url for engine, url in zip(engines, given, strict=True)))
        finally:
            watch.stop()
            with turns.take(patience=_TURN):
                _leave(share, engines)
    finally:
        _close(engines, turns)
        guard.dismiss()


def visit(root: Path) -> None:
    """Joins the servers of a folder and leaves: its engines are stopped if there is no other server."""
    folder = Folder(root)
    engines, turns = _opened(folder)
    try:
        with turns.take(patience=_TURN):
            _leave(locks.Share(folder.locks / "servers"), engines)
    finally:
        _close(engines, turns)


def _opened(folder: Folder) -> tuple[list[Engine], locks.Turns]:
    return [Postgres(folder), Valkey(folder), Model(folder)], locks.Turns(folder.locks / "turn")


def _close(engines: Sequence[Engine], turns: locks.Turns) -> None:
    for engine in engines:
        engine.process.close()
    turns.close()


@contextmanager
def _explained(folder: Folder) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise folders.unwritable(folder.root, error) from error


def _start(engines: Sequence[Engine]) -> None:
    for engine in engines:
        engine.prepare()
    for engine in engines:
        if engine.process.pid() is not None and not wait(engine.is_alive, patience=_ADOPTION):
            engine.end(gently=False)
        if engine.process.pid() is None:
            engine.launch()
    for engine in engines:
        _await(engine)


def _await(engine: Engine) -> None:
    wait(lambda: engine.is_ready() or engine.process.pid() is None, patience=engine.patience)
    if engine.patience and not engine.is_ready():
        raise EngineError(
            f"{engine.process.name} did not start. Its last words: {engine.process.last_words()}. "
            f"See to that, with more in {engine.process.log}, and start again."
        )


def _leave(share: locks.Share, engines: Sequence[Engine]) -> None:
    try:
        if share.is_last():
            for engine in engines:
                engine.end()
    finally:
        share.close()
