"""What a Redis must be like before anything is done with it; each failure is a sentence that says what to do."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress

import hiredis
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    InvalidResponse,
    NoPermissionError,
    RedisError,
    ResponseError,
)

from pubsub.addresses import PORT, ClusterAddress, node_at
from pubsub.link import connection_to, options_of

SETTING = "TRANSOM_REDIS_URL"
OLDEST = 7
"""The first version of Redis that will do; every Valkey will."""

PATIENCE = 3.0
PING = b"PING\r\n"


class Unsuitable(Exception):
    """This Redis cannot be used as it is. The text says why, and what to do."""


class Away(Exception):
    """Redis is not reached, which may pass."""


async def check(url: str, *, namespace: str = "transom") -> None:
    """Returns if the Redis at `url` can be used; of a cluster, the first node that answers is asked.

    Raises:
        ValueError: it is no address of a Redis.
        Unsuitable: it cannot be used.
        Away: it cannot be reached.
    """
    cluster = ClusterAddress.of(url)
    away: Away | None = None
    for each in [cluster.url(seed) for seed in cluster.seeds] if cluster else [url]:
        try:
            return await _check(each, namespace, clustered=cluster is not None)
        except Away as error:
            away = error
    assert away is not None
    raise away


async def _check(url: str, namespace: str, *, clustered: bool) -> None:
    connection = connection_to(url)
    _, options = options_of(url)
    at = options.get("path") or node_at(options.get("host", "localhost"), options.get("port", PORT))

    async def ask(*command: str) -> object:
        await connection.send_command(*command)
        return await connection.read_response()

    try:
        async with asyncio.timeout(PATIENCE):
            await connection.connect()  # type: ignore[no-untyped-call]
            told: Mapping[str, str] = {}
            with suppress(NoPermissionError):  # what it does not say is not wrong
                told = _parsed(await ask("INFO"))
            _see(told, at, clustered=clustered)
            if not clustered:
                await ask("PUBLISH", f"{namespace}:", "")
    except (RedisError, hiredis.ProtocolError, OSError, TimeoutError) as error:
        if (complaint := await _complaint(error, at, url, namespace)) is not None:
            raise Unsuitable(complaint) from error
        raise Away(f"Redis at {at} is not reached: {str(error) or 'it does not answer'}") from error
    finally:
        await connection.disconnect(nowait=True)


async def _complaint(error: Exception, at: str, url: str, namespace: str) -> str | None:
    """What an error says against Redis; None if it was not reached."""
    _, options = options_of(url)
    see = f"See to {SETTING}."
    if isinstance(error, NoPermissionError):
        needs = f"ACL SETUSER {options.get('username') or 'default'} ~{namespace}:* &{namespace}:* +@all"
        return f"Redis at {at} does not let Transom publish: {error}. An administrator can run: {needs}"
    if isinstance(error, AuthenticationError | AuthorizationError):
        return f"Redis at {at} refuses: {str(error).rstrip('.')}. See to the user and the password in {SETTING}."
    if isinstance(error, ResponseError):
        return f"Redis at {at} refuses: {error}. {see}"
    if isinstance(error, InvalidResponse | hiredis.ProtocolError):
        return f"What listens on {at} is no Redis. {see}"
    if isinstance(error.__context__, ssl.SSLCertVerificationError):
        reason = error.__context__.verify_message
        return f"The certificate of Redis at {at} is not trusted ({reason}). Put ?ssl_ca_certs=… behind {SETTING}."
    secured = url.startswith("rediss:")
    if "host" in options and await _answers(options["host"], options.get("port", PORT), over_tls=not secured):
        right, wrong = ("redis", "rediss") if secured else ("rediss", "redis")
        return f"Redis at {at} speaks {'no ' if secured else ''}TLS. Say {right} in place of {wrong} in {SETTING}."
    return None


async def _answers(host: str, port: int, *, over_tls: bool) -> bool:
    """Whether anything there speaks TLS, or else Redis without it."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(host, port, ssl=trusting if over_tls else None)
            try:
                writer.write(PING)
                return over_tls or (await reader.read(1)) in (b"+", b"-")
            finally:
                writer.transport.abort()
    except OSError:
        return False


def _parsed(info: object) -> Mapping[str, str]:
    lines = info.decode() if isinstance(info, bytes) else str(info)
    return {name: value for name, _, value in (line.partition(":") for line in lines.splitlines())}


def _see(told: Mapping[str, str], at: str, *, clustered: bool) -> None:
    mode = told.get("redis_mode", told.get("server_mode"))
    version = told.get("redis_version", "")
    if "valkey_version" not in told and version and int(version.partition(".")[0]) < OLDEST:
        raise Unsuitable(f"Redis {version} at {at} is too old: Transom needs Redis {OLDEST}, or Valkey.")
    if mode == "sentinel":
        raise Unsuitable(f"{at} is a Sentinel. Give the address of the primary itself in {SETTING}.")
    if clustered and mode == "standalone":
        raise Unsuitable(f"Redis at {at} is no cluster. Say redis:// in {SETTING}, in place of redis+cluster://.")
    if not clustered and mode == "cluster":
        raise Unsuitable(
            f"Redis at {at} is a node of a cluster. Say redis+cluster:// in {SETTING}, in place of redis://."
        )
    if not clustered and told.get("role") == "slave":
        raise Unsuitable(f"Redis at {at} is a replica, which takes no writes. Give its primary's address in {SETTING}.")
