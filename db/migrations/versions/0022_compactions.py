"""Compactions of long conversations, and how much a model can read."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("messages", sa.Column("compaction", JSONB(), nullable=True))
    there = sa.text("compaction IS NOT NULL")
    op.create_index("ix_messages_compacted", "messages", ["session_id", "branch", "depth"], postgresql_where=there)
    op.add_column("agents", sa.Column("context_tokens", sa.Integer(), nullable=True))
    op.add_column("runs", sa.Column("told_bytes", sa.Integer(), nullable=True))
    op.create_table(
        "learned_windows",
        sa.Column("provider", sa.String(), primary_key=True),
        sa.Column("model", sa.String(), primary_key=True),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    )
    op.execute("ALTER TABLE learned_windows ENABLE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.drop_table("learned_windows")
    op.drop_column("runs", "told_bytes")
    op.drop_column("agents", "context_tokens")
    op.drop_index("ix_messages_compacted", "messages")
    op.drop_column("messages", "compaction")
