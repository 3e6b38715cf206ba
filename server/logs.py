"""What a process says on its standard error."""

import logging


def set_up(level: str) -> None:
    """One line for each event, from `level` upwards; libraries speak from `warning` upwards."""
    logging.basicConfig(format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", level=logging.WARNING)
    for name in ("transom", "server"):
        logging.getLogger(name).setLevel(level.upper())
    # uvicorn tells of every socket that a client closed without a farewell.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
