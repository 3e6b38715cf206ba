"""The Dockerfile and the Compose file, checked as files: there may be no engine here that could run them."""

import re
import tomllib
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml

from server.manual.books import Book
from server.settings import Settings
from tests.docs.fences import ROOT

SECRETS = {"POSTGRES_PASSWORD": "p", "TRANSOM_JWT_SECRET": "s" * 32}
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def interpolated(text: str, secrets: dict[str, str]) -> str:
    """A value of the Compose file with its variables filled in; one that must be set, and is not, is a `KeyError`."""
    return re.sub(
        r"\$\{(\w+):(?:\?[^}]*|-([^}]*))\}", lambda found: secrets.get(found[1], found[2]) or _unset(found), text
    )


def _unset(found: re.Match[str]) -> str:
    raise KeyError(found[1])


def of_image() -> dict[str, str]:
    """The variables that the image sets."""
    lines = re.findall(r"^ENV (.+)$", DOCKERFILE.rpartition("\nFROM ")[2], re.MULTILINE)
    return dict(word.split("=", 1) for line in lines for word in line.split())


def test_the_container_gets_settings_that_it_starts_with(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = compose["services"]["transom"]["environment"]
    filled = {name: interpolated(value, SECRETS) for name, value in given.items() if value is not None}
    for name, value in (of_image() | filled).items():
        if name.startswith("TRANSOM_"):
            monkeypatch.setenv(name, value)
    assert {name.removeprefix("TRANSOM_").lower() for name in given} <= Settings.model_fields.keys()
    settings = Settings()
    assert settings.database_url == "postgresql://transom:p@postgres:5432/transom"
    assert settings.redis_url == "redis://valkey:6379/0"
    assert settings.host == "0.0.0.0"
    assert settings.authenticates


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_must_be_set(compose: dict[str, Any], secret: str) -> None:
    others = {name: value for name, value in SECRETS.items() if name != secret}
    given = [value for value in compose["services"]["transom"]["environment"].values() if value is not None]
    with pytest.raises(KeyError, match=secret):
        [interpolated(value, others) for value in given]


def test_transom_waits_for_engines_that_say_when_they_are_ready(compose: dict[str, Any]) -> None:
    services = compose["services"]
    waits = services["transom"]["depends_on"]
    assert waits == {name: {"condition": "service_healthy"} for name in ("postgres", "valkey")}
    assert all("healthcheck" in services[name] for name in waits)
    assert "HEALTHCHECK" in DOCKERFILE
    assert all(service["restart"] == "unless-stopped" for service in services.values())


def test_the_data_is_in_volumes_that_exist(compose: dict[str, Any]) -> None:
    mounted = [volume.split(":") for service in compose["services"].values() for volume in service.get("volumes", ())]
    assert sorted(mounted) == [["models", "/data"], ["postgres", "/var/lib/postgresql"]]
    assert sorted(compose["volumes"]) == ["models", "postgres"]
    assert of_image()["TRANSOM_DATA_DIR"] == "/data"


def test_only_this_machine_reaches_the_container(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert ports == ["127.0.0.1:${TRANSOM_PORT:-8000}:8000"]


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    dropped = [line for line in lines if line and not line.startswith(("!", "#", "*"))]
    copied = [
        source
        for words in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in words.split()[:-1]
    ]
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in kept, source
        assert not any(fnmatch(source, pattern) for pattern in dropped), source


def test_the_image_has_every_page_of_the_documentation() -> None:
    copied = {
        source
        for words in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in words.split()[:-1]
    }
    missing = [page for page in Book(ROOT / "docs").pages if not copied & {page, page.partition("/")[0]}]
    assert missing == []


def test_the_image_has_every_package_and_runs_as_nobody_special() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert f"COPY {package} {package}\n" in DOCKERFILE
    steps = re.findall(r'^UV = "(.+)"$', (ROOT / "scripts" / "setup_steps" / "python.py").read_text(), re.MULTILINE)
    assert re.findall(r"uv==(\S+)", DOCKERFILE) == steps
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE) == ["transom"]
