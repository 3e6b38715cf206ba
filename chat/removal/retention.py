"""Removing what is kept for a time only."""

import asyncio
import logging
import random
from datetime import timedelta
from functools import partial

from chat.process import Process
from db import receipts, tombstones, withdrawals
from db.failures import transient
from db.models import Agent, Folder, Project, Template

_log = logging.getLogger("transom.tidying")

RECEIPTS_KEPT = timedelta(days=30)
"""How long a mutation can be repeated by its key."""
BATCH = 100
"""Tombstones that one transaction removes."""
FIRST_PAUSE_SECONDS = 300.0
"""Soon after the start, for processes that never live long."""
PAUSE_SECONDS = 3600.0

_PURGES = (
    tombstones.purge_sessions,
    partial(tombstones.purge_owned, kind=Project),
    partial(tombstones.purge_owned, kind=Agent),
    partial(tombstones.purge_owned, kind=Folder),
    partial(tombstones.purge_owned, kind=Template),
    withdrawals.forget,
)


async def tidy(process: Process) -> None:
    """Looks now and then, until cancelled."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))
        pause = PAUSE_SECONDS
        try:
            await tidy_once(process)
        except Exception as error:
            if not transient(error):
                _log.exception("Tidying failed.")


async def tidy_once(process: Process) -> None:
    """Removes receipts and tombstones that are too old."""
    async with process.db.system() as tx:
        await receipts.purge(tx, RECEIPTS_KEPT)
    for purge in _PURGES:
        removed = BATCH
        while removed == BATCH:
            async with process.db.system() as tx:
                removed = await purge(tx, tombstones.KEPT, BATCH)
