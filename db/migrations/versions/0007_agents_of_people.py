"""Agents that people make themselves: a version to edit against, metadata, and how many sessions are active at once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("agents", sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.add_column(
        "agents", sa.Column("metadata", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False)
    )
    op.add_column("agents", sa.Column("active_sessions", sa.Integer(), nullable=True))
    op.add_column("agents", sa.Column("when_full", sa.String(length=16), server_default="reject", nullable=False))
    op.create_check_constraint("whenfull", "agents", "when_full IN ('reject', 'archive_oldest')")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_agents_whenfull"), "agents")
    for column in ("when_full", "active_sessions", "metadata", "version"):
        op.drop_column("agents", column)
