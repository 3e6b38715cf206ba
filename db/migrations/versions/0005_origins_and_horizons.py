"""Rows say which client changed them last, and accounts how far their tombstones are gone.

A transaction names its client and mutation in the settings `transom.client` and `transom.mutation`
(`db.database`); a trigger signs every row that takes a number, so that no writer can forget it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

NEW = ("projects", "agents", "memberships")
LISTED = (*NEW, "messages", "runs")
DELETABLE = ("projects", "agents", "sessions")

SIGN = """
CREATE FUNCTION transom_sign() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.origin := nullif(current_setting('transom.client', true), '');
    NEW.mutation := nullif(current_setting('transom.mutation', true), '');
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    for table in NEW:
        op.add_column(table, sa.Column("origin", sa.String(), nullable=True))
    op.execute(SIGN)
    for table in LISTED:
        op.add_column(table, sa.Column("mutation", sa.String(), nullable=True))
        op.execute(f"CREATE TRIGGER sign BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION transom_sign()")
        op.execute(f"""
            CREATE TRIGGER sign_change BEFORE UPDATE ON {table} FOR EACH ROW
            WHEN (NEW.seq IS DISTINCT FROM OLD.seq) EXECUTE FUNCTION transom_sign()
        """)
    op.add_column("users", sa.Column("horizon", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    for table in DELETABLE:
        op.create_index(
            op.f(f"ix_{table}_deleted_at"),
            table,
            ["deleted_at"],
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
        )


def downgrade() -> None:
    for table in DELETABLE:
        op.drop_index(op.f(f"ix_{table}_deleted_at"), table)
    op.drop_column("users", "horizon")
    for table in LISTED:
        op.execute(f"DROP TRIGGER sign_change ON {table}")
        op.execute(f"DROP TRIGGER sign ON {table}")
        op.drop_column(table, "mutation")
    op.execute("DROP FUNCTION transom_sign")
    for table in NEW:
        op.drop_column(table, "origin")
