"""What is deleted and brought back: messages that keep their place, sessions that are gone for good; and stages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from db.database import VIEWER_ROLE

revision = "0011"
down_revision = "0010"

# No viewer removes rows. What an owner has given up for good, this removes for them.
_PURGED = """
    EXISTS (
        SELECT FROM sessions s WHERE s.id = transom_purge_session.session AND s.purged_at IS NOT NULL
            AND (transom_viewer() IS NULL OR s.owner_id = transom_viewer()))
"""
PURGE_SESSION = f"""
CREATE FUNCTION transom_purge_session(session uuid) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
    DELETE FROM deltas d USING runs r
    WHERE d.run_id = r.id AND r.session_id = transom_purge_session.session AND {_PURGED};
    DELETE FROM runs r WHERE r.session_id = transom_purge_session.session AND {_PURGED};
    DELETE FROM messages m WHERE m.session_id = transom_purge_session.session AND {_PURGED};
    DELETE FROM branches b WHERE b.session_id = transom_purge_session.session AND {_PURGED};
    UPDATE memberships m SET draft = NULL, tags = '{{}}', folder_id = NULL
    WHERE m.session_id = transom_purge_session.session AND {_PURGED};
END
"""


def upgrade() -> None:
    op.add_column(
        "projects", sa.Column("stages", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False)
    )
    op.add_column("messages", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("withdrawn", postgresql.JSONB(), nullable=True))
    kept = sa.text("withdrawn IS NOT NULL")
    op.create_index(op.f("ix_messages_withdrawn_at"), "messages", ["withdrawn_at"], postgresql_where=kept)
    op.add_column("sessions", sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(f"GRANT UPDATE (purged_at) ON sessions TO {VIEWER_ROLE}")
    trash = sa.text("deleted_at IS NOT NULL")
    op.create_index(
        op.f("ix_sessions_owner_id_deleted_at_id"), "sessions", ["owner_id", "deleted_at", "id"], postgresql_where=trash
    )
    op.execute(PURGE_SESSION)
    op.execute("REVOKE EXECUTE ON FUNCTION transom_purge_session FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION transom_purge_session TO {VIEWER_ROLE}")


def downgrade() -> None:
    op.execute("DROP FUNCTION transom_purge_session")
    op.drop_index(op.f("ix_sessions_owner_id_deleted_at_id"), "sessions")
    op.drop_column("sessions", "purged_at")
    op.drop_index(op.f("ix_messages_withdrawn_at"), "messages")
    op.drop_column("messages", "withdrawn")
    op.drop_column("messages", "withdrawn_at")
    op.drop_column("projects", "stages")
