"""Limits of accounts and of agents, and how much the sessions of an account store."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from db.database import VIEWER_ROLE

revision = "0012"
down_revision = "0011"

LIMITED = ("users", "agents")

# Counts the sessions that have moved since they were counted last, and adds all up. A caller must hold the lock of the
# account's quotas: two that count at once would wait for each other's rows in no order.
STORED_BYTES = """
CREATE FUNCTION transom_stored_bytes() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
    INSERT INTO sizes (session_id, head, bytes)
    SELECT s.id, s.head, COALESCE((
        SELECT sum(octet_length(m.parts::text) + octet_length(m.metadata::text))
        FROM messages m WHERE m.session_id = s.id AND m.deleted_at IS NULL), 0)
    FROM sessions s LEFT JOIN sizes z ON z.session_id = s.id
    WHERE s.owner_id = transom_viewer() AND s.deleted_at IS NULL AND z.head IS DISTINCT FROM s.head
    ON CONFLICT (session_id) DO UPDATE SET head = excluded.head, bytes = excluded.bytes;
    SELECT COALESCE(sum(z.bytes), 0)::bigint
    FROM sizes z JOIN sessions s ON s.id = z.session_id
    WHERE s.owner_id = transom_viewer() AND s.deleted_at IS NULL;
END
"""

SEEN = "EXISTS (SELECT FROM sessions s WHERE s.id = sizes.session_id AND s.owner_id = transom_viewer() OFFSET 0)"


def upgrade() -> None:
    limited = sa.text("limits IS NOT NULL")
    for table in LIMITED:
        op.add_column(table, sa.Column("limits", postgresql.JSONB(), nullable=True))
        op.create_index(f"ix_{table}_limited", table, ["id"], postgresql_where=limited)
    op.create_index("ix_sessions_kept", "sessions", ["owner_id"], postgresql_where=sa.text("deleted_at IS NULL"))
    op.create_table(
        "sizes",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("head", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_sizes_session_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_sizes")),
    )
    op.execute(f"GRANT SELECT ON sizes TO {VIEWER_ROLE}")
    op.execute("ALTER TABLE sizes ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY seen ON sizes FOR SELECT TO {VIEWER_ROLE} USING ({SEEN})")
    op.execute(STORED_BYTES)
    op.execute("REVOKE EXECUTE ON FUNCTION transom_stored_bytes FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION transom_stored_bytes TO {VIEWER_ROLE}")


def downgrade() -> None:
    op.execute("DROP FUNCTION transom_stored_bytes")
    op.execute(f"REVOKE ALL ON sizes FROM {VIEWER_ROLE}")
    op.drop_table("sizes")
    op.drop_index("ix_sessions_kept", "sessions")
    for table in LIMITED:
        op.drop_index(f"ix_{table}_limited", table)
        op.drop_column(table, "limits")
