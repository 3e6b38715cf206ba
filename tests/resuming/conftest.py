"""Servers of their own for the tests in which the transport is the point."""

from tests.server.conftest import database, start

__all__ = ["database", "start"]
