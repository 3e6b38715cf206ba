"""For a viewer, what they may not see does not exist: no row of theirs can refer to it, and no id is given twice.

A trigger checks a reference when it is written, not with every update of its row: a member who may write goes on using
what the session's owner has chosen. It fails as the foreign key would if there were no such row, so nobody can tell
the two apart.
"""

import sqlalchemy as sa
from alembic import op

from db.database import VIEWER_ROLE

revision = "0018"
down_revision = "0017"

ABSENT = """
        RAISE foreign_key_violation USING MESSAGE = format('%s refers to what is not there', TG_TABLE_NAME),
            TABLE = TG_TABLE_NAME, CONSTRAINT = 'fk_' || TG_TABLE_NAME || '_{column}';
"""

# Row security holds within: these functions have the role of whoever writes.
SEEN = """
CREATE FUNCTION transom_check_{column}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NOT EXISTS (SELECT FROM {target} WHERE id = NEW.{column}) THEN {absent}
    END IF;
    RETURN NULL;
END $$
"""

REFERENCES = {
    ("sessions", "agent_id"): "agents",
    ("templates", "agent_id"): "agents",
    ("sessions", "project_id"): "projects",
    ("sessions", "forked_session_id"): "sessions",
    ("sessions", "forked_message_id"): "messages",
    ("memberships", "folder_id"): "folders",
    ("folders", "parent_id"): "folders",
}

# Plans are kept, and these are right whatever the size of the tables was when they were made: `enable_seqscan = off`.

# An agent that the session, or a run of it, has already was chosen by a member who may see it.
CHECK_RUN = """
CREATE FUNCTION transom_check_run() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$ BEGIN
    IF NEW.agent_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM agents WHERE id = NEW.agent_id)
        AND NOT EXISTS (SELECT FROM sessions WHERE id = NEW.session_id AND agent_id = NEW.agent_id)
        AND NOT EXISTS (
            SELECT FROM runs WHERE session_id = NEW.session_id AND agent_id = NEW.agent_id AND id <> NEW.id)
    THEN {no_agent}
    END IF;
    IF NOT EXISTS (SELECT FROM messages WHERE id = NEW.message_id AND session_id = NEW.session_id) THEN {no_message}
    END IF;
    RETURN NULL;
END $$
"""

# What a session holds refers to what that session holds. This one sees all rows: a run comes after its message.
CHECK_MESSAGE = """
CREATE FUNCTION transom_check_message() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path FROM CURRENT SET enable_seqscan = off AS $$ BEGIN
    IF NEW.parent_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM messages WHERE id = NEW.parent_id AND session_id = NEW.session_id)
    THEN {no_parent}
    END IF;
    IF EXISTS (SELECT FROM runs WHERE id = NEW.run_id AND session_id <> NEW.session_id) THEN {no_run}
    END IF;
    RETURN NULL;
END $$
"""

# What has an id, whosever it is. The second statement sees what others have committed while the first one waited.
CLAIM_ID = """
CREATE FUNCTION transom_claim_id(claimed uuid) RETURNS text[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path FROM CURRENT
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    note jsonb := jsonb_build_object('annotations', jsonb_build_array(jsonb_build_object('id', claimed)));
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('transom.ids/' || claimed, 0));
    RETURN ARRAY(
        SELECT 'session' FROM sessions WHERE id = claimed
        UNION ALL SELECT 'message' FROM messages WHERE id = claimed
        UNION ALL SELECT 'run' FROM runs WHERE id = claimed
        UNION ALL SELECT 'project' FROM projects WHERE id = claimed
        UNION ALL SELECT 'agent' FROM agents WHERE id = claimed
        UNION ALL SELECT 'folder' FROM folders WHERE id = claimed
        UNION ALL SELECT 'template' FROM templates WHERE id = claimed
        UNION ALL SELECT 'account' FROM users WHERE id = claimed
        UNION ALL SELECT 'annotation' FROM messages WHERE marks ? 'annotations' AND marks @> note
        UNION ALL SELECT 'annotation' FROM messages
            WHERE withdrawn -> 'marks' ? 'annotations' AND withdrawn @> jsonb_build_object('marks', note)
    );
END $$
"""

ANNOTATED = {
    "ix_messages_annotations": ("marks", "marks ? 'annotations'"),
    "ix_messages_withdrawn_annotations": ("withdrawn", "withdrawn -> 'marks' ? 'annotations'"),
}


def upgrade() -> None:
    for name, (column, where) in ANNOTATED.items():
        op.create_index(
            name,
            "messages",
            [column],
            postgresql_using="gin",
            postgresql_ops={column: "jsonb_path_ops"},
            postgresql_where=sa.text(where),
        )
    op.execute(CLAIM_ID)
    op.execute("REVOKE EXECUTE ON FUNCTION transom_claim_id FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION transom_claim_id TO {VIEWER_ROLE}")
    _forget_agents_of_strangers()
    for column, target in {column: target for (_, column), target in REFERENCES.items()}.items():
        op.execute(SEEN.format(column=column, target=target, absent=ABSENT.format(column=column)))
    for table, column in REFERENCES:
        check = f"ON {table} FOR EACH ROW WHEN ({{}}) EXECUTE FUNCTION transom_check_{column}()"
        there = f"NEW.{column} IS NOT NULL"
        changed = f"{there} AND NEW.{column} IS DISTINCT FROM OLD.{column}"
        op.execute(f"CREATE TRIGGER check_{column} AFTER INSERT {check.format(there)}")
        op.execute(f"CREATE TRIGGER check_{column}_change AFTER UPDATE OF {column} {check.format(changed)}")
    op.execute(
        CHECK_RUN.format(no_agent=ABSENT.format(column="agent_id"), no_message=ABSENT.format(column="message_id"))
    )
    op.execute("""
        CREATE TRIGGER check_run AFTER INSERT OR UPDATE OF agent_id, message_id, session_id ON runs
        FOR EACH ROW EXECUTE FUNCTION transom_check_run()
    """)
    op.execute(CHECK_MESSAGE.format(no_parent=ABSENT.format(column="parent_id"), no_run=ABSENT.format(column="run_id")))
    op.execute("REVOKE EXECUTE ON FUNCTION transom_check_message FROM PUBLIC")
    op.execute("""
        CREATE TRIGGER check_message AFTER INSERT OR UPDATE OF parent_id, run_id, session_id ON messages
        FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL OR NEW.run_id IS NOT NULL)
        EXECUTE FUNCTION transom_check_message()
    """)


def downgrade() -> None:
    op.execute("DROP FUNCTION transom_check_message CASCADE")
    op.execute("DROP FUNCTION transom_check_run CASCADE")
    for column in {column for _, column in REFERENCES}:
        op.execute(f"DROP FUNCTION transom_check_{column} CASCADE")
    op.execute("DROP FUNCTION transom_claim_id")
    for name in ANNOTATED:
        op.drop_index(name, "messages")


def _forget_agents_of_strangers() -> None:
    """Takes agents from runs that no member of the session may see, without a trace of it in the rows."""
    op.execute("ALTER TABLE runs DISABLE TRIGGER USER")
    op.execute("""
        UPDATE runs SET agent_id = NULL FROM agents a
        WHERE a.id = runs.agent_id AND a.owner_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM memberships m WHERE m.session_id = runs.session_id AND m.user_id = a.owner_id)
    """)
    op.execute("ALTER TABLE runs ENABLE TRIGGER USER")
