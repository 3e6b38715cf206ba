"""What can go wrong before an engine runs."""


class EngineError(Exception):
    """An engine cannot run here.

    `reason` is for the person at the terminal: what is wrong, then what to do about it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Busy(EngineError):
    """Another process is starting or stopping the engines of the folder."""
