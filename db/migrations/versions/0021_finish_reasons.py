"""Why a reply ended, and when its first token came; what the system says is found in the longest conversation."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

REASONS = ("stop", "length", "content_filter", "refused", "paused", "tool_calls", "other")


def _reason() -> sa.Column[str]:
    kind = sa.Enum(*REASONS, native_enum=False, create_constraint=True, length=16, name="finishreason")
    return sa.Column("finish_reason", kind, nullable=True)


def upgrade() -> None:
    op.add_column("messages", _reason())
    op.add_column("runs", _reason())
    op.add_column("runs", sa.Column("finish_word", sa.String(), nullable=True))
    op.add_column("runs", sa.Column("first_token_at", sa.DateTime(timezone=True), nullable=True))
    system = sa.text("role = 'system'")
    op.create_index("ix_messages_system", "messages", ["session_id", "branch", "depth"], postgresql_where=system)


def downgrade() -> None:
    op.drop_index("ix_messages_system", "messages")
    op.drop_column("runs", "first_token_at")
    op.drop_column("runs", "finish_word")
    op.drop_column("runs", "finish_reason")
    op.drop_column("messages", "finish_reason")
