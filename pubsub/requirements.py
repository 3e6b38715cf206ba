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

from pubsub.addresses import ClusterAddress
from pubsub.link import connection_to

SETTING = "TRANSOM_REDIS_URL"
OLDEST = 7
"""The first version of Redis that will do; every Valkey will."""

PATIENCE = 3.0


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
    place = connection.repr_pieces()
    at = next((str(value) for name, value in place if name == "path"), None) or ":".join(
        str(value) for name, value in place if name in ("host", "port")
    )

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
    except NoPermissionError as error:
        raise Unsuitable(
            f"The Redis user in {SETTING} may not publish: {error}. "
            f"Run: ACL SETUSER … +@all ~{namespace}:* &{namespace}:*"
        ) from error
    except (AuthenticationError, AuthorizationError) as error:
        raise Unsuitable(f"Redis at {at} refuses: {error}. See to the user and the password in {SETTING}.") from error
    except (InvalidResponse, hiredis.ProtocolError) as error:
        raise Unsuitable(f"What listens on {at} is no Redis. See to {SETTING}.") from error
    except ssl.SSLError as error:
        raise Unsuitable(
            f"TLS with {at} fails ({error.reason}). See to rediss:// and ssl_ca_certs in {SETTING}."
        ) from error
    except ResponseError as error:
        raise Unsuitable(f"Redis at {at} refuses: {error}. See to {SETTING}.") from error
    except (RedisError, OSError, TimeoutError) as error:
        raise _away(error, at) from error
    finally:
        await connection.disconnect(nowait=True)


def _away(error: Exception, at: str) -> Exception:
    return Away(f"Redis at {at} is not reached: {error or 'it does not answer'}.")


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
