"""Removing what is kept for a time only."""

import asyncio
import logging
import random
from datetime import timedelta

from chat.process import Process
from db import receipts
from db.failures import transient

_log = logging.getLogger("transom.tidying")

RECEIPTS_KEPT = timedelta(days=30)
"""How long a mutation can be repeated by its key."""
PAUSE_SECONDS = 3600.0


async def tidy(process: Process) -> None:
    """Looks now and then, until cancelled."""
    while True:
        await asyncio.sleep(PAUSE_SECONDS * random.uniform(0.5, 1.5))
        try:
            await tidy_once(process)
        except Exception as error:
            if not transient(error):
                _log.exception("Tidying failed.")


async def tidy_once(process: Process) -> int:
    """Removes receipts that are too old; returns how many."""
    async with process.db.system() as tx:
        return await receipts.purge(tx, RECEIPTS_KEPT)
