"""Projects by their age: an id that a client has made says nothing of it."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

THERE = sa.text("deleted_at IS NULL")


def upgrade() -> None:
    op.drop_index(op.f("ix_projects_owner_id_id"), "projects")
    op.create_index(
        op.f("ix_projects_owner_id_created_at_id"), "projects", ["owner_id", "created_at", "id"], postgresql_where=THERE
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_projects_owner_id_created_at_id"), "projects")
    op.create_index(op.f("ix_projects_owner_id_id"), "projects", ["owner_id", "id"], postgresql_where=THERE)
