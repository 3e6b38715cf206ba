"""What people set on messages (reactions, feedback, annotations), and what clients share of a session's state."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from db.database import VIEWER_ROLE

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    empty = sa.text("'{}'::jsonb")
    op.add_column("messages", sa.Column("marks", postgresql.JSONB(), server_default=empty, nullable=False))
    op.add_column("sessions", sa.Column("state", postgresql.JSONB(), server_default=empty, nullable=False))
    op.execute(f"GRANT UPDATE (state) ON sessions TO {VIEWER_ROLE}")


def downgrade() -> None:
    op.drop_column("sessions", "state")
    op.drop_column("messages", "marks")
