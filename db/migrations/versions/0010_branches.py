"""Branches that people make: messages that are revised keep their earlier states, and forks know where they come from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from db.database import VIEWER_ROLE

revision = "0010"
down_revision = "0009"

FORKED = ("forked_session_id", "forked_message_id")

# The policy of messages holds within.
SEEN = "EXISTS (SELECT FROM messages m WHERE m.id = revisions.message_id OFFSET 0)"
WRITER = """
    EXISTS (
        SELECT FROM messages m JOIN memberships own ON own.session_id = m.session_id
        WHERE m.id = revisions.message_id AND own.user_id = transom_viewer() AND own.role IN ('owner', 'writer') OFFSET 0
    )
"""


def upgrade() -> None:
    op.add_column("messages", sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False))
    root = sa.text("parent_id IS NULL")
    op.create_index("ix_messages_roots", "messages", ["session_id"], postgresql_where=root)
    for column in FORKED:
        op.add_column("sessions", sa.Column(column, sa.Uuid(), nullable=True))
    op.execute(f"GRANT UPDATE ({', '.join(FORKED)}) ON sessions TO {VIEWER_ROLE}")
    op.create_table(
        "revisions",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("parts", postgresql.JSONB(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("metadata", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("replaced_by", sa.Uuid(), nullable=True),
        sa.Column("replaced_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_revisions_message_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["replaced_by"], ["users.id"], name=op.f("fk_revisions_replaced_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("message_id", "version", name=op.f("pk_revisions")),
    )
    op.execute(f"GRANT SELECT, INSERT ON revisions TO {VIEWER_ROLE}")
    op.execute("ALTER TABLE revisions ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY seen ON revisions FOR SELECT TO {VIEWER_ROLE} USING ({SEEN})")
    op.execute(f"CREATE POLICY made ON revisions FOR INSERT TO {VIEWER_ROLE} WITH CHECK ({WRITER})")


def downgrade() -> None:
    op.execute(f"REVOKE ALL ON revisions FROM {VIEWER_ROLE}")
    op.drop_table("revisions")
    for column in FORKED:
        op.drop_column("sessions", column)
    op.drop_index("ix_messages_roots", "messages")
    op.drop_column("messages", "version")
