"""Which channels must still be told that messages of theirs were dropped."""

from typing import Final

REMEMBERED_CHANNELS: Final = 10_000


class Debts:
    """Names of channels that are owed a loss notice; beyond 10,000 of them, every channel is."""

    def __init__(self, every_channel: bytes) -> None:
        self._every = every_channel
        self._names: set[bytes] = set()

    def __bool__(self) -> bool:
        return bool(self._names)

    def add(self, name: bytes) -> None:
        """Remember one more."""
        if self._every in self._names:
            return
        self._names.add(name)
        if name == self._every or len(self._names) > REMEMBERED_CHANNELS:
            self._names = {self._every}

    def take(self) -> set[bytes]:
        """Hand all of them over, to be paid."""
        names, self._names = self._names, set()
        return names
