"""Templates: what new sessions begin with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from db.database import VIEWER_ROLE

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "templates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("instructions", sa.String(), nullable=True),
        sa.Column("messages", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("begins", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("metadata", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("origin", sa.String(), nullable=True),
        sa.Column("mutation", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_templates_owner_id_seq"), "templates", ["owner_id", "seq"])
    deleted = sa.text("deleted_at IS NOT NULL")
    op.create_index(op.f("ix_templates_deleted_at"), "templates", ["deleted_at"], postgresql_where=deleted)
    op.execute("CREATE TRIGGER touch BEFORE UPDATE ON templates FOR EACH ROW EXECUTE FUNCTION transom_touch()")
    op.execute("CREATE TRIGGER sign BEFORE INSERT ON templates FOR EACH ROW EXECUTE FUNCTION transom_sign()")
    op.execute("""
        CREATE TRIGGER sign_change BEFORE UPDATE ON templates FOR EACH ROW
        WHEN (NEW.seq IS DISTINCT FROM OLD.seq) EXECUTE FUNCTION transom_sign()
    """)
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON templates TO {VIEWER_ROLE}")
    op.execute("ALTER TABLE templates ENABLE ROW LEVEL SECURITY")
    own, to = "(owner_id = transom_viewer())", f"ON templates FOR {{}} TO {VIEWER_ROLE}"
    op.execute(f"CREATE POLICY seen {to.format('SELECT')} USING {own}")
    op.execute(f"CREATE POLICY made {to.format('INSERT')} WITH CHECK {own}")
    op.execute(f"CREATE POLICY changed {to.format('UPDATE')} USING {own} WITH CHECK {own}")


def downgrade() -> None:
    op.drop_table("templates")
