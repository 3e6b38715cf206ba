"""The roles of PostgreSQL: the one that serves viewers, and who may become it."""

VIEWER = "transom_viewer"
"""Serves viewers: row security holds for it."""

SELECTIVE = 160_000
"""The version from which a role may be granted without leave to become it."""

MAY_BECOME = f"CASE WHEN current_setting('server_version_num')::int < {SELECTIVE} THEN 'MEMBER' ELSE 'SET' END"
"""What `pg_has_role` calls the leave to become a role, in SQL."""


def made(login: str, version: int, *, exists: bool) -> str:
    """The statements with which an administrator makes the viewers' role, if need be, and lets a login become it."""
    making = "" if exists else f"CREATE ROLE {VIEWER} NOLOGIN; "
    how = "" if version < SELECTIVE else " WITH INHERIT FALSE, SET TRUE"
    return f"{making}GRANT {VIEWER} TO {quoted(login)}{how};"


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return name if name.isidentifier() and name.islower() else '"{}"'.format(name.replace('"', '""'))
