"""The command line, and what it says when something cannot be."""

import asyncio
import re
import socket
from importlib.metadata import version
from pathlib import Path

import asyncpg
import pytest

import engines
from db import migrate
from resolvers.root import api
from server.settings import PROVIDERS, Settings
from tests.conftest import database_url, empty_database
from tests.engines.processes import pids_of
from tests.server.conftest import MODEL
from tests.server.served import run

EVERYTHING = {"database_url": "postgresql:///none", "redis_url": "redis://127.0.0.1:1", "model_url": MODEL}


@pytest.mark.parametrize("option", ["--help", "-h"])
async def test_help_names_every_command(option: str) -> None:
    code, output, errors = await run(option)

    assert (code, errors) == (0, "")
    commands = output.partition("Commands:\n")[2]
    assert [line.split()[0] for line in commands.splitlines()] == ["limits", "migrate", "restored", "schema", "serve"]


async def test_help_names_every_setting() -> None:
    code, output, _ = await run("serve", "--help")

    assert code == 0
    table = output.partition("Settings:\n")[2]
    named = re.findall(r"^  (TRANSOM_\w+) +(?=\S)", table, re.MULTILINE)
    assert named == [f"TRANSOM_{name.upper()}" for name in Settings.model_fields]
    columns = {match.end() for line in table.splitlines() if (match := re.match(r" +(TRANSOM_\w+ +)?", line))}
    assert len(columns) == 1, "what is said of the settings stands in one column"
    assert all(field.description for field in Settings.model_fields.values())
    assert max(map(len, output.splitlines())) <= 100


async def test_version() -> None:
    assert (await run("--version"))[1] == f"transom, version {version('transom')}\n"


async def test_schema_prints_the_sdl() -> None:
    assert await run("schema") == (0, api.as_str() + "\n", "")


async def test_migrate_makes_the_tables_and_can_be_repeated(urls: engines.Urls) -> None:
    async with empty_database(urls.database) as database:
        for _ in range(2):
            assert await run("migrate", database_url=database) == (0, "The database is up to date.\n", "")
        connection = await asyncpg.connect(database)
        assert await connection.fetchval("SELECT count(*) FROM agents") == 1
        await connection.close()


async def test_after_a_restore_every_scope_is_in_an_epoch_that_never_was(urls: engines.Urls) -> None:
    async with empty_database(urls.database) as database:
        await run("migrate", database_url=database)
        connection = await asyncpg.connect(database)
        await connection.execute("INSERT INTO users (id, subject) VALUES (gen_random_uuid(), 'ada')")
        await connection.execute(
            "INSERT INTO sessions (id, owner_id, title_source) SELECT gen_random_uuid(), id, 'none' FROM users"
        )
        before = 1
        for _ in range(2):
            assert await run("restored", database_url=database) == (0, "Every client will fetch anew.\n", "")
            epochs = await connection.fetch("SELECT epoch FROM users UNION ALL SELECT epoch FROM sessions")
            assert [row["epoch"] > before for row in epochs] == [True, True]
            before = max(row["epoch"] for row in epochs)
        await connection.close()


async def test_limits_of_an_account_are_set_in_place_of_others(urls: engines.Urls) -> None:
    """1-58."""
    async with empty_database(urls.database) as database:
        await migrate.upgrade(database)
        connection = await asyncpg.connect(database)
        user = await connection.fetchval(
            """INSERT INTO users (id, subject, limits) VALUES (gen_random_uuid(), 'ada', '{"windows": 3}')
            RETURNING id::text"""
        )
        given = ("--reset", "--runs-per-minute", "0", "--sessions", "5", "--message-characters", "0")
        shown, (code, _, errors) = await asyncio.gather(
            run("limits", user, *given, database_url=database), run("limits", "eve", database_url=database)
        )
        lines = ("sessions             5", "runs-per-minute      no limit", "message-characters   200000", "")
        assert shown == (0, "\n".join(lines), "")
        stored = await connection.fetchval("SELECT limits::text FROM users")
        assert stored == '{"sessions": 5, "runs_per_minute": 0, "message_characters": 0}'
        assert (code, errors.splitlines()[-1][:31]) == (1, "Error: There is no account 'eve")
        await connection.close()


async def test_a_newer_database_is_left_alone(urls: engines.Urls) -> None:
    async with empty_database(urls.database) as database:
        await run("migrate", database_url=database)
        connection = await asyncpg.connect(database)
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
        await connection.close()

        code, output, errors = await run("serve", **EVERYTHING | {"database_url": database, "port": 0})

    assert (code, output) == (1, "")
    assert errors.startswith("Error: ")
    assert "It was made by a later version: install that" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"port": "http"}, "TRANSOM_PORT must be a whole number from 0 to 65535, not 'http'."),
        ({"jwt_secret": "hush"}, "TRANSOM_JWT_SECRET must have at least 32 characters, and has 4."),
        ({"allowed_origin": "x"}, "TRANSOM_ALLOWED_ORIGIN is no setting. Did you mean TRANSOM_ALLOWED_ORIGINS?"),
        (
            {"allowed_origins": "localhost:5174"},
            "TRANSOM_ALLOWED_ORIGINS names 'localhost:5174', which lacks its scheme. Write http://localhost:5174.",
        ),
    ],
)
@pytest.mark.parametrize("command", ["serve", "migrate"])
async def test_a_wrong_setting_is_named(command: str, settings: dict[str, object], complaint: str) -> None:
    code, output, errors = await run(command, **EVERYTHING | settings)

    assert (code, output) == (1, "")
    assert errors == f"Error: A setting cannot be used.\n{complaint}\n"


async def test_several_wrong_settings_are_told_at_once_and_by_the_names_that_were_used() -> None:
    _, _, errors = await run("serve", "--port", "70000", **EVERYTHING, workers=100, log_levle="info", foo=1)

    assert errors.splitlines()[1:] == [
        "TRANSOM_LOG_LEVLE is no setting. Did you mean TRANSOM_LOG_LEVEL?",
        "--port must be a whole number from 0 to 65535, not '70000'.",
        "TRANSOM_WORKERS must be a whole number from 1 to 64, not '100'.",
    ]


async def test_a_variable_of_another_version_is_ignored_with_a_note(urls: engines.Urls) -> None:
    async with empty_database(urls.database) as database:
        assert await run("migrate", database_url=database, glossary="yes", service_host="10.0.0.1") == (
            0,
            "The database is up to date.\n",
            "Note: TRANSOM_GLOSSARY is no setting of this version, and is ignored. `transom serve --help` lists all.\n",
        )


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_a_company_that_wants_a_key_is_not_asked_without_one(provider: str) -> None:
    settings: dict[str, object] = {"model_provider": provider, "model_name": "m", "model_url": PROVIDERS[provider]}
    if provider == "anthropic":
        del settings["model_url"]  # its own is taken
    engines = {"database_url": "postgresql:///none", "redis_url": "redis://127.0.0.1:1"}
    code, output, errors = await run("serve", **engines, **settings)

    assert (code, output) == (1, "")
    assert errors == (
        f"Error: The model cannot be used: {PROVIDERS[provider]} lets nobody in without a key. Set TRANSOM_MODEL_KEY, "
        "or TRANSOM_MODEL_URL to the address of another provider.\n"
    )


@pytest.mark.parametrize(
    ("settings", "note"),
    [
        ({"model_key": "k"}, "TRANSOM_MODEL_NAME is not set, so only agents that name a model can answer."),
        (
            {"model_name": "gpt"},
            "TRANSOM_MODEL_NAME is not used, because the embedded model answers. Set TRANSOM_MODEL_KEY or "
            "TRANSOM_MODEL_URL, too.",
        ),
    ],
)
async def test_what_the_model_lacks_is_told(settings: dict[str, object], note: str) -> None:
    nowhere = {"database_url": "postgresql://a:b@no-host.invalid/x", "redis_url": "redis://127.0.0.1:1"}
    _, _, errors = await run("serve", **nowhere, **settings, port=0)

    assert errors.splitlines()[0] == f"Note: {note}"


@pytest.mark.parametrize("arguments", [["limits", "ada", "--sessions", "-1"], ["limits", "ada", "--sessions", "many"]])
async def test_a_limit_that_is_no_number_is_told(arguments: list[str]) -> None:
    code, output, errors = await run(*arguments)

    assert (code, output) == (2, "")
    assert errors.splitlines()[-1] == (
        f"Error: Invalid value for '--sessions': It must be a whole number from 0 to 1,000,000,000, "
        f"not {arguments[-1]!r}."
    )


async def test_a_port_in_use_is_told_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, output, errors = await run("serve", port=port, data_dir=tmp_path / "data")

    assert (code, output) == (1, "")
    assert errors == (
        f"Error: Cannot listen on 127.0.0.1:{port}: Address already in use. "
        "Choose another address with TRANSOM_HOST and TRANSOM_PORT, or end what uses this one.\n"
    )
    assert not (tmp_path / "data").exists()


async def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    secret = {"jwt_secret": "x" * 32, "data_dir": tmp_path / "data"}
    code, _, errors = await run("serve", "--host", "192.0.2.1", port=0, **secret)

    assert code == 1
    assert errors.startswith("Error: Cannot listen on 192.0.2.1:0: Cannot assign requested address.")


async def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("mine")

    code, output, errors = await run("serve", port=0, data_dir=file)

    assert (code, output) == (1, "")
    assert errors == (
        f"Error: The data folder {file} cannot be used: a file is in its place. Move it away, "
        "or set TRANSOM_DATA_DIR to a folder that you can write.\n"
    )
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("postgresql://nobody@127.0.0.1:1/none", "The database cannot be reached: "),
        ("postgresql:///none?host=/nowhere", "The database cannot be reached: "),
    ],
)
@pytest.mark.parametrize("command", ["serve", "migrate"])
async def test_a_database_that_cannot_be_used_is_told(command: str, url: str, complaint: str) -> None:
    code, output, errors = await run(command, **EVERYTHING | {"database_url": url, "port": 0})

    assert (code, output) == (1, "")
    *waiting, last = errors.splitlines()
    assert last.startswith(f"Error: {complaint}")
    assert all("Waiting for the database. " in line for line in waiting)


async def test_a_database_that_does_not_exist_is_told(urls: engines.Urls) -> None:
    url = database_url(urls.database, "nowhere")

    assert await run("migrate", database_url=url) == (
        1,
        "",
        'Error: The database refuses: database "nowhere" does not exist. '
        "Make it (`createdb --owner transom nowhere`), or see to TRANSOM_DATABASE_URL.\n",
    )


async def test_migrate_starts_an_embedded_database_and_ends_it(folder: Path) -> None:
    assert await run("migrate", data_dir=folder) == (0, "The database is up to date.\n", "")
    assert pids_of(folder) == []


async def test_an_unknown_command_and_an_unknown_option_are_told() -> None:
    assert (await run("sevre"))[0] == 2
    assert (await run("serve", "--prot", "1"))[0] == 2
