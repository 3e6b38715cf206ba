"""What is looked at before a server starts, so that whoever starts it hears at once what cannot work."""

import asyncio
import logging
import time

from db import migrate
from db import requirements as database
from pubsub import requirements as redis
from server.settings import Settings

PATIENCE = 10.0
"""Seconds that a database may take to come up: it may have been started just now."""

_PAUSE = 0.5
_log = logging.getLogger("transom.start")


class Unsuitable(Exception):
    """The server cannot work with what it was given. The text says why, and what to do."""


async def check_database(settings: Settings, *, serving: bool) -> None:
    """Returns if the database of the settings can be used, or served from; waits for one that is still starting.

    Raises:
        Unsuitable: it cannot be used.
    """
    assert settings.database_url is not None
    end = time.monotonic() + PATIENCE
    connections = settings.workers * settings.database_connections if serving else 1
    waiting = False
    while True:
        try:
            return await database.check(settings.database_url, connections=connections, newest=migrate.newest())
        except database.Starting as error:
            if time.monotonic() > end:
                raise Unsuitable(str(error)) from error
            if not waiting:
                _log.warning("Waiting for the database. %s", error)
            waiting = True
        except (ValueError, database.Unsuitable) as error:
            raise Unsuitable(str(error)) from error
        await asyncio.sleep(_PAUSE)


async def check_redis(settings: Settings) -> None:
    """Returns if the Redis of the settings can be used, or is away: a server does without as long as it is.

    Raises:
        Unsuitable: it cannot be used.
    """
    assert settings.redis_url is not None
    try:
        await redis.check(settings.redis_url)
    except redis.Away as error:
        _log.warning("%s Windows of other processes lag until it is, and rates are not enforced.", error)
    except (ValueError, redis.Unsuitable) as error:
        raise Unsuitable(str(error)) from error
