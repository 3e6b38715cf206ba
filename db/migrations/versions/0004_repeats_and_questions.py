"""Receipts of mutations, versions of what several people may edit, and questions of runs to people."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from db.database import VIEWER_ROLE

revision = "0004"
down_revision = "0003"

EDITED = ("projects", "sessions")


def upgrade() -> None:
    op.create_table(
        "receipts",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("made", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_receipts_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_receipts")),
    )
    op.create_index(op.f("ix_receipts_created_at"), "receipts", ["created_at"])
    op.execute(f"GRANT SELECT, INSERT, UPDATE (made) ON receipts TO {VIEWER_ROLE}")
    op.execute("ALTER TABLE receipts ENABLE ROW LEVEL SECURITY")
    own = "user_id = transom_viewer()"
    op.execute(f"CREATE POLICY seen ON receipts FOR SELECT TO {VIEWER_ROLE} USING ({own})")
    op.execute(f"CREATE POLICY made ON receipts FOR INSERT TO {VIEWER_ROLE} WITH CHECK ({own})")
    op.execute(f"CREATE POLICY changed ON receipts FOR UPDATE TO {VIEWER_ROLE} USING ({own}) WITH CHECK ({own})")
    op.add_column("runs", sa.Column("question", postgresql.JSONB(none_as_null=True), nullable=True))
    for table in EDITED:
        op.add_column(table, sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.execute(f"GRANT UPDATE (version) ON sessions TO {VIEWER_ROLE}")


def downgrade() -> None:
    op.drop_column("runs", "question")
    for table in EDITED:
        op.drop_column(table, "version")
    op.execute(f"REVOKE ALL ON receipts FROM {VIEWER_ROLE}")
    op.drop_table("receipts")
