"""A process that stores and serves, and leaves the replies unwritten; and what branches are asked by."""

from tests.chat.conftest import alive
from tests.organising.conftest import elsewhere, patient

__all__ = ["alive", "elsewhere", "patient"]
