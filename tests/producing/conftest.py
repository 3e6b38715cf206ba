"""A viewer at two processes, whose windows hear what rings, and do not look by themselves."""

from tests.organising.conftest import elsewhere, patient

__all__ = ["elsewhere", "patient"]
