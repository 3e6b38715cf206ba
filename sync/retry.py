"""Waiting for a database that is away for a while."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from db.failures import transient

_log = logging.getLogger("transom.patience")

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0


async def patiently[T](work: Callable[[], Awaitable[T]], what: str) -> T:
    """Does `work`, again and again as long as it fails in a way that passes by itself; `what` names it in the log.

    The work must be repeatable: it may have happened although it failed.
    """
    pause = FIRST_PAUSE
    while True:
        try:
            return await work()
        except Exception as error:
            if not transient(error):
                raise
            if pause == FIRST_PAUSE:
                _log.warning("%s waits for the database: %s", what, error)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
