"""`updated_at` follows every update of a row, and an agent for everybody is there from the start."""

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = ("users", "projects", "agents", "sessions", "messages", "runs")

ASSISTANT = "01890000-0000-7000-8000-000000000001"


def upgrade() -> None:
    op.execute("""
        CREATE FUNCTION transom_touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            NEW.updated_at := clock_timestamp();
            RETURN NEW;
        END $$
    """)
    for table in TABLES:
        op.execute(f"""
            CREATE TRIGGER touch BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION transom_touch()
        """)
    op.execute(f"""
        INSERT INTO agents (id, name, description, instructions) VALUES (
            '{ASSISTANT}', 'Assistant', 'Answers where a session names no other agent.', 'You are a helpful assistant.')
    """)


def downgrade() -> None:
    op.execute(f"DELETE FROM agents WHERE id = '{ASSISTANT}'")
    for table in TABLES:
        op.execute(f"DROP TRIGGER touch ON {table}")
    op.execute("DROP FUNCTION transom_touch")
