"""Why a reply ended, which model wrote it, and when its first token came."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0017"

REASONS = ("stop", "length", "content_filter", "refused", "paused", "tool_calls", "other")


def _reason() -> sa.Column[str]:
    kind = sa.Enum(*REASONS, native_enum=False, create_constraint=True, length=16, name="finishreason")
    return sa.Column("finish_reason", kind, nullable=True)


def upgrade() -> None:
    op.add_column("messages", _reason())
    op.add_column("runs", _reason())
    op.add_column("runs", sa.Column("finish_word", sa.String(), nullable=True))
    op.add_column("runs", sa.Column("first_token_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("runs", "first_token_at")
    op.drop_column("runs", "finish_word")
    op.drop_column("runs", "finish_reason")
    op.drop_column("messages", "finish_reason")
