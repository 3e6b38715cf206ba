"""A summary of a session: its text, up to which message it goes, when it was written, and by whom."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from db.database import VIEWER_ROLE

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("summary", postgresql.JSONB(none_as_null=True), nullable=True))
    op.execute(f"GRANT UPDATE (summary) ON sessions TO {VIEWER_ROLE}")


def downgrade() -> None:
    op.drop_column("sessions", "summary")
