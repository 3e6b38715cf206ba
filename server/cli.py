"""The command line: `transom serve`, `transom migrate`, `transom schema`, `transom restored`, `transom limits`."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, override

import click

from chat.policy import METADATA, MOST, NAMES, OFTEN, SIZES, TEXT
from server import complaints, hangups
from server.settings import PROVIDERS, Settings, WrongSettings, read


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="transom")
def main() -> None:
    """Transom: the conversation backend for AI chat.

    Everything is set by environment variables (`transom serve --help` lists them); nothing needs to be.

    \b
    Example:
      transom serve
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that the engines are ended, too
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # not under `nohup`
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))


class _WithSettings(click.Command):
    """A command whose help ends with every setting."""

    @override
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        fields = Settings.model_fields.items()
        with formatter.section("Settings"):
            formatter.write_dl(
                [(f"TRANSOM_{name.upper()}", f"{field.description}{_default(field.default)}") for name, field in fields]
            )


def _default(value: object) -> str:
    return "" if value in (None, "") else f" [default: {value}]"


@main.command(cls=_WithSettings)
@click.option("--host", help="Address to listen on, in place of TRANSOM_HOST.")
@click.option("--port", help="Port to listen on, in place of TRANSOM_PORT.")
@click.option("--workers", help="Server processes, in place of TRANSOM_WORKERS.")
def serve(host: str | None, port: str | None, workers: str | None) -> None:
    """Start the server, and the engines that no setting replaces.

    \b
    Example:
      TRANSOM_DATABASE_URL=postgresql://me@db/transom transom serve --port 9000
    """
    with hangups.blocked():
        import engines  # noqa: PLC0415
        from server import logs, model_files, serving  # noqa: PLC0415  (`--help` is quick without them)

        settings = _settings(host=host, port=port, workers=workers)
        _refuse_open_door(settings)
        _check_model(settings)
        logs.set_up(settings.log_level)
        if (file := settings.models_file) is not None:
            hangups.hear(lambda: model_files.renew(file, silence=settings.model_silence))
    with suppress(KeyboardInterrupt), _explained(engines.EngineError, serving.CannotListen):
        listening = serving.listen(settings)
        _check_database(settings, serving=True)
        with engines.running(settings) as urls:
            _migrate(urls.database)
            _check_redis(settings)
            _announce(settings, listening)
            environment = {
                "TRANSOM_DATABASE_URL": urls.database,
                "TRANSOM_REDIS_URL": urls.redis,
                "TRANSOM_HOST": settings.host,
                "TRANSOM_PORT": str(settings.port),
                "TRANSOM_WORKERS": str(settings.workers),
            }
            if settings.models_file is None:
                environment["TRANSOM_MODEL_URL"] = urls.model
            if not settings.models_are_elsewhere and settings.model_replies is None:
                environment["TRANSOM_MODEL_REPLIES"] = str(max(1, engines.CONVERSATIONS // settings.workers))
            if not settings.models_are_elsewhere and settings.model_context is None:
                environment["TRANSOM_MODEL_CONTEXT"] = str(engines.CONTEXT)
            serving.run(settings, environment, listening)


@main.command()
def migrate() -> None:
    """Bring the database to this version's tables. `serve` does so by itself.

    \b
    Example:
      TRANSOM_DATABASE_URL=postgresql://me@db/transom transom migrate
    """
    import engines  # noqa: PLC0415

    settings = _settings(model_url="none:", redis_url="redis://127.0.0.1")  # neither is used
    _check_database(settings)
    with _explained(engines.EngineError), engines.running(settings) as urls:
        _migrate(urls.database)
    click.echo("The database is up to date.")


@main.command()
def restored() -> None:
    """Have every client fetch anew. Run it after restoring the database from a backup, before starting servers.

    What clients had heard after the backup was made would else pass for something that has happened.

    \b
    Example:
      TRANSOM_DATABASE_URL=postgresql://me@db/transom transom restored
    """
    import engines  # noqa: PLC0415

    settings = _settings(model_url="none:", redis_url="redis://127.0.0.1")  # neither is used
    _check_database(settings)
    with _explained(engines.EngineError), engines.running(settings) as urls:
        _migrate(urls.database)
        asyncio.run(_renew_epochs(urls.database))
    click.echo("Every client will fetch anew.")


async def _renew_epochs(database_url: str) -> None:
    from db import epochs  # noqa: PLC0415
    from db.database import Database  # noqa: PLC0415

    async with Database(database_url) as db, db.system() as tx:
        await epochs.renew(tx)


class _Most(click.ParamType[int]):
    """A whole number up to a bound."""

    name = "number"

    def __init__(self, most: int) -> None:
        self._most = most

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if re.fullmatch("[0-9]{1,18}", str(value)) and int(value) <= self._most:
            return int(value)
        shown = repr(str(value)[:80])
        raise click.BadParameter(f"It must be a whole number from 0 to {self._most:,}, not {shown}.", ctx, param)


def _limit_options[**P, R](command: Callable[P, R]) -> Callable[P, R]:
    for name in reversed(NAMES):
        most = SIZES.get(name) or (OFTEN if name.endswith("_per_minute") else MOST)
        option = click.option(f"--{name.replace('_', '-')}", type=_Most(most), help=_LIMITED[name])
        command = option(command)
    return command


_LIMITED = {
    "sessions": "Sessions that are not deleted.",
    "kilobytes": "Kilobytes (1,000 bytes) of messages.",
    "active_runs": "Replies that are queued, written or waiting at once.",
    "windows": "Subscriptions that are open at once, at each server process.",
    "messages_per_minute": "Messages sent in a minute.",
    "sessions_per_minute": "Sessions begun in a minute.",
    "runs_per_minute": "Replies asked for in a minute.",
    "message_characters": f"Characters of a message; 0: {TEXT:,}.",
    "metadata_bytes": f"Bytes of a metadata object as JSON; 0: {METADATA:,}.",
}


@main.command()
@click.argument("user")
@_limit_options
@click.option("--reset", is_flag=True, help="Have the settings hold for this account again, before anything else.")
def limits(user: str, *, reset: bool, **given: int | None) -> None:
    """Set limits for one account. Without options: show them.

    0 means no limit; a limit that is not set follows the settings.

    USER is the account's id, or its subject at the identity provider. Servers follow within five seconds.

    \b
    Example:
      TRANSOM_DATABASE_URL=postgresql://me@db/transom transom limits ada --messages-per-minute 60 --sessions 0
    """
    import engines  # noqa: PLC0415

    settings = _settings(model_url="none:", redis_url="redis://127.0.0.1")  # neither is used
    changes = {name: limit for name, limit in given.items() if limit is not None}
    _check_database(settings)
    with _explained(engines.EngineError), engines.running(settings) as urls:
        _migrate(urls.database)
        held = asyncio.run(_limits_of(urls.database, user, changes, reset=reset))
    if held is None:
        raise click.ClickException(f"There is no account {user!r}. It is made when its owner first comes.")
    for name in (name for name in NAMES if name in held):
        click.echo(f"{name.replace('_', '-'):<20} {held[name] or SIZES.get(name, 'no limit')}")
    if not held:
        click.echo("As in the settings.")


async def _limits_of(
    database_url: str, user: str, changes: Mapping[str, int], *, reset: bool
) -> Mapping[str, int] | None:
    from db import quotas  # noqa: PLC0415
    from db.database import Database  # noqa: PLC0415

    async with Database(database_url) as db, db.system() as tx:
        account = await quotas.account(tx, user)
        if account is None:
            return None
        held: dict[str, int] = {**({} if reset else account.limits or {}), **changes}
        if reset or changes:
            await quotas.put(tx, account.id, held)
        return held


@main.command()
def schema() -> None:
    """Print the GraphQL schema (SDL).

    \b
    Example:
      transom schema > schema/schema.graphql
    """
    from resolvers.root import api  # noqa: PLC0415

    click.echo(api.as_str())


def _settings(**options: str | None) -> Settings:
    """The settings, with the options that are given in their place. Ends with a sentence for each that is wrong."""
    given = {name: value for name, value in options.items() if value is not None}
    unknown = list(complaints.unknown(os.environ, Settings.model_fields))
    wrong = [sentence for what, sentence in unknown if what is complaints.Unknown.REFUSE]
    try:
        settings = read(given, {name: f"--{name}" for name in given})
    except WrongSettings as error:
        wrong.append(str(error))
    if wrong:
        raise click.ClickException("\n".join(["A setting cannot be used.", *wrong]))
    for _, sentence in unknown:
        _note(sentence)
    if settings.jwks_url is not None and settings.jwt_secret is not None:
        _note("TRANSOM_JWT_SECRET is not used, because TRANSOM_JWKS_URL is set.")
    return settings


def _check_model(settings: Settings) -> None:
    """Ends with a sentence where the settings of the model provider do not fit each other."""
    from llm.errors import ModelError  # noqa: PLC0415
    from server import model_files  # noqa: PLC0415
    from server.app import models_of  # noqa: PLC0415

    if settings.models_file is not None:
        try:
            model_files.read(settings.models_file, silence=settings.model_silence)
        except model_files.WrongFile as error:
            raise click.ClickException(f"The file of the model providers cannot be used.\n{error}") from None
        return
    if settings.model_url is not None:
        try:
            models_of(settings)
        except (ModelError, ValueError) as error:
            raise click.ClickException(f"The model cannot be used: {error} See to TRANSOM_MODEL_URL.") from error
    if settings.model_url in PROVIDERS.values():
        if settings.model_key is None:
            raise click.ClickException(
                f"The model cannot be used: {settings.model_url} lets nobody in without a key. Set TRANSOM_MODEL_KEY, "
                "or TRANSOM_MODEL_URL to the address of another provider."
            )
        if settings.model_name is None:
            _note("TRANSOM_MODEL_NAME is not set, so only agents that name a model can answer.")
    if settings.model_url is None and settings.model_name is not None:
        _note(
            "TRANSOM_MODEL_NAME is not used, because the embedded model answers. Set TRANSOM_MODEL_KEY or "
            "TRANSOM_MODEL_URL, too."
        )


def _note(sentence: str) -> None:
    click.echo(f"Note: {sentence}", err=True)


def _refuse_open_door(settings: Settings) -> None:
    if not settings.loopback and not settings.authenticates:
        raise click.ClickException(
            f"Listening on {settings.host} would let everybody who reaches this machine in, because no authentication "
            "is set up. Set TRANSOM_JWT_SECRET or TRANSOM_JWKS_URL, or listen on 127.0.0.1."
        )


def _check_database(settings: Settings, *, serving: bool = False) -> None:
    """Refuses a database in place of the embedded one that cannot be used."""
    from server import preflight  # noqa: PLC0415

    if settings.database_url:
        with _explained(preflight.Unsuitable):
            asyncio.run(preflight.check_database(settings, serving=serving))


def _check_redis(settings: Settings) -> None:
    """Refuses a Redis in place of the embedded Valkey that cannot be used."""
    from server import preflight  # noqa: PLC0415

    if settings.redis_url:
        with _explained(preflight.Unsuitable):
            asyncio.run(preflight.check_redis(settings))


def _migrate(database_url: str) -> None:
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    from db import migrate as migrations  # noqa: PLC0415

    with _explained(migrations.NewerDatabase):
        try:
            asyncio.run(migrations.upgrade(database_url))
        except OSError as error:
            raise click.ClickException(
                f"The database cannot be reached: {error}. See to TRANSOM_DATABASE_URL."
            ) from error
        except DBAPIError as error:
            raise click.ClickException(f"The database refuses: {error.orig}. See to TRANSOM_DATABASE_URL.") from error


@contextmanager
def _explained(*errors: type[Exception]) -> Iterator[None]:
    """Shows what went wrong without a traceback."""
    try:
        yield
    except errors as error:
        raise click.ClickException(str(error)) from error


def _announce(settings: Settings, listening: socket.socket) -> None:
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{port}"
    click.echo(f"Transom   {address}")
    click.echo(f"GraphiQL  {address}/graphiql")
    click.echo(f"GraphQL   {address}/graphql")
    if not (settings.database_url and settings.redis_url and settings.models_are_elsewhere):
        click.echo(f"Data      {settings.data_dir.absolute()}")
    click.echo("Stop with Ctrl-C.")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
