"""Every sort of wrong value of a setting is told in a sentence of our own, and right ones are written alike."""

import os
import re
from pathlib import Path

import pytest

from server import complaints
from server.complaints import Unknown
from server.settings import Settings, WrongSettings, read

LIBRARIES = re.compile("Input should|validation|pydantic|parse|Traceback|Literal|Invalid|Field", re.IGNORECASE)
"""How the libraries would say it."""

NUMBERS = [
    name for name, field in Settings.model_fields.items() if re.search(r"\b(int|float)\b", str(field.annotation))
]
TEXTS = sorted(Settings.model_fields.keys() - NUMBERS)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but those of the test."""
    for name in os.environ:
        if name.upper().startswith("TRANSOM_"):
            monkeypatch.delenv(name)


def complaint(**variables: str) -> str:
    """What is said of an environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(f"TRANSOM_{name.upper()}", value)
        with pytest.raises(WrongSettings) as wrong:
            read()
    said = str(wrong.value)
    assert not LIBRARIES.search(said), said
    return said


def setting(name: str, value: str) -> object:
    """What becomes of a value."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"TRANSOM_{name.upper()}", value)
        return getattr(read(), name)


@pytest.mark.parametrize(
    "value", ["", " ", "nan", "inf", "-1", "1e999", "ten", "0x10", "1,5", "None", "[1]", "9" * 400]
)
@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_number_in_range_is_told_with_the_range(name: str, value: str) -> None:
    said = complaint(**{name: value})
    if value.strip():
        number = "a" if name in ("lease", "model_silence") else "a whole"
        assert re.fullmatch(rf"TRANSOM_{name.upper()} must be {number} number from [\d,]+ to [\d,]+, not '.*'\.", said)
    else:
        assert said == f"TRANSOM_{name.upper()} is empty. Give it a value, or do not set it at all."


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_and_quotes_are_no_value(name: str) -> None:
    variable = f"TRANSOM_{name.upper()}"
    if name != "allowed_origins":
        for nothing in ("", "  ", "\t\n"):
            assert complaint(**{name: nothing}) == f"{variable} is empty. Give it a value, or do not set it at all."
    for quoted in ('"value"', "'value'", '""', ' "https://host/v1" '):
        assert complaint(**{name: quoted}) == (
            f"{variable} has quotes around its value, which would be a part of it. Take them away."
        )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("log_level", "loud", "must be debug, info, warning or error, not 'loud'."),
        ("model_provider", "opnai", "must be openai or anthropic, not 'opnai'."),
        ("jwt_secret", "x" * 31, "must have at least 32 characters, and has 31."),
        ("jwks_url", "keys.json", "must be an address such as https://login.example.com/.well-known/jwks.json."),
        ("jwks_url", "https://", "must be an address such as https://login.example.com/.well-known/jwks.json."),
        ("jwks_url", "file:///keys", "must be an address such as https://login.example.com/.well-known/jwks.json."),
        ("jwks_url", "http://id.example.com/keys", "must begin with https://, because whoever is on the way"),
        ("jwks_url", "http://8.8.8.8/keys", "must begin with https://, because whoever is on the way"),
        ("redis_url", "redis:/host", "must be an address such as redis://host:6379/0, rediss://"),
        ("redis_url", "reddis://host", "must be an address such as redis://host:6379/0, rediss://"),
        ("redis_url", "redis://", "must be an address such as redis://host:6379/0, rediss://"),
        ("redis_url", "redis://host:port", "must be an address such as redis://host:6379/0, rediss://"),
        ("redis_url", "redis://host/name", "must end with the number of a database, such as /0, not '/name'."),
        ("redis_url", "redis+cluster://", "must be an address such as redis://host:6379/0, rediss://"),
        ("redis_url", "redis+cluster://a,b/3", "names a database of a cluster, which has only the one with number 0."),
        ("redis_url", "unix://", "must be an address such as redis://host:6379/0, rediss://"),
        ("database_url", "garbage", "must be an address such as postgresql://user:secret@host:5432/name."),
        ("database_url", "postgresql://u:p@host:70000/x", "must be an address such as postgresql://user:secret@host"),
        ("database_url", "mysql://host/name", "cannot be used. Transom runs on PostgreSQL; 'mysql' is something else."),
        (
            "database_url",
            "postgresql://h/n?channel_binding=require",
            "cannot be used. Not understood in a database URL:",
        ),
        ("model_url", "api.example.com/v1", "must be an address such as https://host/v1."),
        ("model_url", "http://[v1.x]/v1", "must be an address such as https://host/v1."),
        ("model_url", "http://", "must be an address such as https://host/v1."),
        ("model_url", "ftp://host/v1", "must be an address such as https://host/v1."),
        ("host", "http://localhost", "must be an address or a name to listen on, such as 127.0.0.1, not 'http"),
        ("host", "localhost:8000", "must be an address or a name to listen on, such as 127.0.0.1, not 'local"),
        ("host", "a..b", "must be an address or a name to listen on, such as 127.0.0.1, not 'a..b'."),
        ("host", "x" * 300, "must be an address or a name to listen on, such as 127.0.0.1, not 'xxx"),
        ("data_dir", "~nobody-of-that-name/x", "names the home of a user who is not known here: '~nobody-of"),
        ("port", "tcp://10.0.0.7:8000", "must be a whole number from 0 to 65535, not 'tcp://10.0.0.7:8000', which Kub"),
        ("jwt_audience", "transom", "is set, but nothing that tokens can be checked with"),
        ("jwt_issuer", "https://id", "is set, but nothing that tokens can be checked with"),
    ],
)
def test_another_wrong_value_is_told(name: str, value: str, said: str) -> None:
    assert complaint(**{name: value}).startswith(f"TRANSOM_{name.upper()} {said}")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("localhost:5174", "names 'localhost:5174', which lacks its scheme. Write http://localhost:5174."),
        ("chat.example.com", "names 'chat.example.com', which lacks its scheme. Write https://chat.example.com."),
        (
            "https://a.example/app",
            "names 'https://a.example/app', which is more than an origin. Write https://a.example.",
        ),
        ("https://u@a.example", "names 'https://u@a.example', which is more than an origin. Write https://a.example."),
        (
            "https://a.example/?q",
            "names 'https://a.example/?q', which is more than an origin. Write https://a.example.",
        ),
        ("https://*.example.com", "names 'https://*.example.com'. Name each origin by itself, or * for all of them."),
        ("null", "must be origins such as https://chat.example.com with commas between them, not 'null'."),
        ("https://a.example https://b.example", "must be origins as browsers write them"),
        ('["https://a.example"]', "must be origins as browsers write them"),
        ("wss://a.example", "must be origins as browsers write them"),
        ("https://a.example:99999", "must be origins as browsers write them"),
        ("https://münchen.example", "must be origins as browsers write them"),
        (
            "https://ok.example, ?",
            "must be origins such as https://chat.example.com with commas between them, not '?'.",
        ),
    ],
)
def test_what_is_no_origin_is_told(value: str, said: str) -> None:
    assert complaint(allowed_origins=value).startswith(f"TRANSOM_ALLOWED_ORIGINS {said}")


def test_no_secret_is_repeated() -> None:
    for name in Settings.model_fields:
        if name.endswith("_url"):
            assert "hush" not in complaint(**{name: "htp//me:hush@host/ x"})
    assert "hush" not in complaint(jwt_secret="hush")


@pytest.mark.parametrize(
    ("name", "value", "used"),
    [
        ("allowed_origins", "http://localhost:5174/", "http://localhost:5174"),
        (
            "allowed_origins",
            " HTTPS://Chat.Example.com:443 , ,http://[::1]:80/",
            "https://chat.example.com,http://[::1]",
        ),
        ("allowed_origins", "", ""),
        ("allowed_origins", "*", "*"),
        ("host", "[::1]", "::1"),
        ("host", "my_host-1.internal.", "my_host-1.internal."),
        ("port", " 8001\n", 8001),
        ("redis_url", "redis://:p@host", "redis://:p@host"),
        ("redis_url", "unix:///run/valkey.sock?db=1", "unix:///run/valkey.sock?db=1"),
        ("redis_url", "rediss+cluster://u:p@a:1,b/0?x=1", "rediss+cluster://u:p@a:1,b/0?x=1"),
        ("database_url", "postgres:///name?host=/run", "postgres:///name?host=/run"),
        ("jwks_url", "http://keycloak:8080/keys", "http://keycloak:8080/keys"),
        ("jwks_url", "http://id.svc.cluster.local/keys", "http://id.svc.cluster.local/keys"),
        ("data_dir", "~/data", Path("~/data").expanduser()),
    ],
)
def test_a_right_value_is_used(name: str, value: str, used: object) -> None:
    assert setting(name, value) == used


def test_a_secret_keeps_every_character() -> None:
    secret = " " + "x" * 40 + "\n"
    assert setting("jwt_secret", secret).get_secret_value() == secret  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("variable", "what", "nearest"),
    [
        ("TRANSOM_ALLOWED_ORIGIN", Unknown.REFUSE, "TRANSOM_ALLOWED_ORIGINS"),
        ("TRANSOM_ALLOW_ORIGINS", Unknown.REFUSE, "TRANSOM_ALLOWED_ORIGINS"),
        ("transom_jwt_secert", Unknown.REFUSE, "TRANSOM_JWT_SECRET"),
        ("TRANSOM_JWT_KEY", Unknown.REFUSE, "TRANSOM_JWT_"),
        ("TRANSOM_AUTH", Unknown.REFUSE, None),
        ("TRANSOM_DB_URL", Unknown.REFUSE, "TRANSOM_"),
        ("TRANSOM_DATABASE", Unknown.REFUSE, "TRANSOM_DATABASE_URL"),
        ("TRANSOM_CORS", Unknown.REFUSE, "TRANSOM_ALLOWED_ORIGINS"),
        ("TRANSOM_POSTGRES_URL", Unknown.REFUSE, "TRANSOM_DATABASE_URL"),
        ("TRANSOM_TOKEN", Unknown.REFUSE, None),
        ("TRANSOM_BIND", Unknown.WARN, "TRANSOM_HOST"),
        ("TRANSOM_WORKER", Unknown.REFUSE, "TRANSOM_WORKERS"),
        ("TRANSOM_GLOSSARY", Unknown.WARN, None),
        ("TRANSOM_", Unknown.WARN, None),
    ],
)
def test_a_variable_that_is_no_setting_is_told(variable: str, what: Unknown, nearest: str | None) -> None:
    ((found, sentence),) = complaints.unknown([variable, "PATH", "TRANSOM_PORT", "transom_host"], Settings.model_fields)
    assert (found, sentence.startswith(f"{variable} is no setting")) == (what, True)
    assert sentence.endswith("lists all.") if nearest is None else f"Did you mean {nearest}" in sentence


def test_no_two_settings_pass_for_a_slip_of_the_pen() -> None:
    """So a setting that an earlier version does not know is no reason for it not to start."""
    names = sorted(Settings.model_fields)
    for name in names:
        others = [other for other in names if other != name]
        found = [what for what, said in complaints.unknown([f"TRANSOM_{name.upper()}"], others)]
        assert found == [Unknown.REFUSE if complaints.matters(name.upper()) else Unknown.WARN], name


@pytest.mark.parametrize(
    "name", ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT_80_TCP", "PORT_80_TCP_ADDR"]
)
def test_variables_that_kubernetes_makes_up_are_passed_over(name: str) -> None:
    assert list(complaints.unknown([f"TRANSOM_{name}"], Settings.model_fields)) == []
