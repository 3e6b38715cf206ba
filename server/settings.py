"""Every setting of a Transom process, read once from the environment at start."""

from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chat.policy import METADATA, MOST, NAMES, OFTEN, TEXT, Allowance
from chat.windows import LEAST
from chat.windows import MOST as MOST_TOKENS
from db.budgets import ANSWER_BYTES, ANSWER_ROWS
from server import addresses, complaints

PROVIDERS = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}
"""Where the providers are."""


SHORTEST_SECRET = 32
"""Characters of a secret for HS256 (RFC 7518, section 3.2: at least as many bytes as the hash has)."""


def _long(secret: SecretStr) -> SecretStr:
    if len(secret) < SHORTEST_SECRET:
        raise ValueError(f"must have at least {SHORTEST_SECRET} characters, and has {len(secret)}.")
    return secret


class Settings(BaseSettings):
    """One frozen object; the variable of a field is its name in capitals behind `TRANSOM_`."""

    model_config = SettingsConfigDict(env_prefix="TRANSOM_", frozen=True, extra="ignore")

    host: Annotated[str, AfterValidator(addresses.host)] = Field(
        "127.0.0.1", description="Address to listen on. Other than loopback needs authentication."
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    workers: int = Field(1, ge=1, le=64, description="Server processes on this machine, sharing one port.")
    data_dir: Annotated[Path, AfterValidator(addresses.folder)] = Field(
        Path(".transom"), description="Folder of the embedded engines' data."
    )

    database_url: Annotated[str, AfterValidator(addresses.database)] | None = Field(
        None, description="PostgreSQL to use in place of the embedded one: `postgresql://user:secret@host/name`."
    )
    database_connections: int = Field(
        34,
        ge=4,
        le=1000,
        description="Connections to PostgreSQL that each process may open. A pooler may give it fewer.",
    )
    redis_url: Annotated[str, AfterValidator(addresses.redis)] | None = Field(
        None,
        description="Redis or Valkey to use in place of the embedded one: `redis://host:6379/0`, or "
        "`redis+cluster://host:6379,host:6379` for a cluster.",
    )

    models_file: Annotated[Path, AfterValidator(addresses.folder)] | None = Field(
        None,
        description="TOML file with several model providers, in place of the settings of one that follow. SIGHUP reads "
        "it again.",
    )
    model_url: Annotated[str, AfterValidator(addresses.model)] | None = Field(
        None, description="OpenAI-compatible endpoint to use in place of the embedded model, such as `https://host/v1`."
    )
    model_provider: Literal["openai", "anthropic"] = Field(
        "openai", description="Protocol of the model provider: `openai` (and all that is compatible) or `anthropic`."
    )
    model_key: SecretStr | None = Field(None, description="API key of the model provider.")
    model_name: str | None = Field(None, description="Model that answers where an agent names none.")
    model_context: int | None = Field(
        None,
        ge=LEAST,
        le=MOST_TOKENS,
        description="Tokens that this model reads and writes at once; else what is known of it, or it tells when it "
        "refuses a longer conversation. An agent may set its own.",
    )
    model_replies: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Replies that a server process has models write at once; the others stay queued. Else 1,000, or "
        "what the embedded model can.",
    )
    model_silence: float = Field(
        120.0,
        ge=1,
        le=3600,
        description="Seconds that a model provider may send no byte before a reply fails. An agent may set its own.",
    )

    jwt_secret: Annotated[SecretStr, AfterValidator(_long)] | None = Field(
        None,
        description="Secret of HS256 bearer tokens, at least 32 characters; turns authentication on.",
    )
    jwks_url: Annotated[str, AfterValidator(addresses.key_set)] | None = Field(
        None,
        description="Address of the identity provider's key set (RS256, ES256); turns authentication on.",
    )
    jwt_audience: str | None = Field(None, description="Required `aud` of a bearer token.")
    jwt_issuer: str | None = Field(None, description="Required `iss` of a bearer token.")

    lease: float = Field(
        30.0,
        ge=1,
        le=3600,
        description="Seconds after which a reply is marked as interrupted when the machine of its process is lost.",
    )

    max_sessions: int | None = Field(
        None, ge=1, le=MOST, description="Sessions that an account may have; what is in the trash does not count."
    )
    max_kilobytes: int | None = Field(
        None, ge=1, le=MOST, description="Kilobytes (1,000 bytes) of messages that an account's sessions may hold."
    )
    max_active_runs: int | None = Field(
        None, ge=1, le=MOST, description="Replies of an account that may be queued, written or waiting at once."
    )
    max_windows: int | None = Field(
        None, ge=1, le=MOST, description="Subscriptions that an account may have open at once, at each server process."
    )
    messages_per_minute: int | None = Field(
        None, ge=1, le=OFTEN, description="Messages that an account may send in a minute."
    )
    sessions_per_minute: int | None = Field(
        None, ge=1, le=OFTEN, description="Sessions that an account may begin in a minute."
    )
    runs_per_minute: int | None = Field(
        None, ge=1, le=OFTEN, description="Replies that an account may ask for in a minute."
    )
    message_characters: int | None = Field(
        None, ge=1, le=TEXT, description=f"Characters that a message may have; else {TEXT:,}."
    )
    metadata_bytes: int | None = Field(
        None, ge=2, le=METADATA, description=f"Bytes that a metadata object may have as JSON; else {METADATA:,}."
    )

    answer_rows: int = Field(
        ANSWER_ROWS, ge=100, le=MOST, description="Rows that an answer may have: what it asks for in lists, multiplied."
    )
    answer_bytes: int = Field(
        ANSWER_BYTES,
        ge=1_000_000,
        le=MOST,
        description="Bytes that an answer may take while it is made: what is read for it, and what is written.",
    )

    allowed_origins: Annotated[str, AfterValidator(addresses.origins)] = Field(
        "",
        description="Other origins whose pages may use the API, such as `https://chat.example.com`, separated by "
        "commas; `*` for all.",
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")

    @field_validator("*", mode="before")
    @classmethod
    def _written(cls, value: object, field: ValidationInfo) -> object:
        """Refuses what shells and files with variables leave behind: nothing at all, blanks, quotes."""
        return addresses.written(value, bare=field.field_name != "jwt_secret", empty=field.field_name in _MAY_BE_EMPTY)

    @model_validator(mode="before")
    @classmethod
    def _provider_of_a_key(cls, values: dict[str, object]) -> dict[str, object]:
        """A key or a provider of one's own means that provider's own address, not the embedded model."""
        provider = values.get("model_provider", "openai")
        if values.get("models_file"):
            return values
        if not values.get("model_url") and (values.get("model_key") or provider == "anthropic"):
            return {**values, "model_url": PROVIDERS.get(str(provider))}
        return values

    @model_validator(mode="after")
    def _checkable(self) -> Self:
        for name, value in (("JWT_AUDIENCE", self.jwt_audience), ("JWT_ISSUER", self.jwt_issuer)):
            if value is not None and not self.authenticates:
                raise ValueError(
                    f"TRANSOM_{name} is set, but nothing that tokens can be checked with, so everybody would be let "
                    "in. Set TRANSOM_JWT_SECRET or TRANSOM_JWKS_URL, too."
                )
        return self

    @model_validator(mode="after")
    def _one_place_of_models(self) -> Self:
        if self.models_file is None or self.model_url == "none:":
            return self
        both = [f"TRANSOM_{name.upper()}" for name in _ONE_PROVIDER if name in self.model_fields_set]
        if both:
            raise ValueError(
                f"TRANSOM_MODELS_FILE is set, and so {'is' if len(both) == 1 else 'are'} {', '.join(both)}. Set either "
                "the file or the variables of one provider: what they say can stand in the file."
            )
        return self

    @property
    def models_are_elsewhere(self) -> bool:
        """Whether the embedded model is not needed."""
        return self.models_file is not None or self.model_url is not None

    @property
    def allowance(self) -> Allowance:
        """What every account may have for which an operator has set nothing else."""
        return Allowance(**{name: getattr(self, _SETTING.get(name, name)) for name in NAMES})

    @property
    def origins(self) -> list[str]:
        """The allowed origins."""
        return [origin.strip() for origin in self.allowed_origins.split(",") if origin.strip()]

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host == "localhost" or (_is_address(self.host) and ip_address(self.host).is_loopback)

    @property
    def authenticates(self) -> bool:
        """Whether callers must present a bearer token."""
        return self.jwt_secret is not None or self.jwks_url is not None


_ONE_PROVIDER = ("model_url", "model_provider", "model_key", "model_name", "model_context")
_MAY_BE_EMPTY = ("allowed_origins",)
_SETTING = {name: f"max_{name}" for name in ("sessions", "kilobytes", "active_runs", "windows")}


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class WrongSettings(Exception):
    """Settings that cannot be used: a sentence for each, which names its variable and says what is right."""


def read(options: Mapping[str, Any] | None = None, names: Mapping[str, str] | None = None) -> Settings:
    """The settings of the environment, with these options in their place.

    `names` are what a person calls the options: `{"port": "--port"}`.

    Raises:
        WrongSettings: a variable or an option has a value that cannot be used.
    """
    try:
        return Settings(**options or {})
    except ValidationError as error:
        raise WrongSettings("\n".join(complaints.of(error, Settings.model_fields, names or {}))) from None


@cache
def current() -> Settings:
    """The settings of this process.

    Raises:
        WrongSettings: a variable has a value that cannot be used.
    """
    return read()
