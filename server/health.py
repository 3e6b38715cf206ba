"""How the process is, for people (`/healthz`) and for load balancers (`/readyz`)."""

import asyncio
import logging

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from server.state import State

_log = logging.getLogger("transom.health")

PATIENCE = 2.0
"""Seconds that the database has to answer."""


def routes(state: State) -> list[Route]:
    """`/healthz` answers 200 as long as the process lives; `/readyz` 503 while it cannot serve."""

    async def healthz(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", **await _parts(state)})

    async def readyz(_: Request) -> JSONResponse:
        parts = await _parts(state)
        ready = parts["database"] == "ok" and not state.draining
        return JSONResponse({"status": "ready" if ready else "not ready", **parts}, 200 if ready else 503)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


async def _parts(state: State) -> dict[str, str]:
    """Each part as `ok` or `unreachable`. Without Redis a process still serves: other processes' windows lag."""
    redis = "ok" if state.process.bus.connected else "unreachable"
    try:
        async with asyncio.timeout(PATIENCE):
            await state.process.db.ping()
        return {"database": "ok", "redis": redis}
    except Exception as error:
        _log.warning("The database does not answer: %s", error)
        return {"database": "unreachable", "redis": redis}
