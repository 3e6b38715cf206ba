"""Servers on a database of the module's own."""

from tests.server.conftest import caller, database, served, start

__all__ = ["caller", "database", "served", "start"]
