"""Row security: what the role that serves viewers may see and change.

The role has no login. A transaction that serves a viewer takes it on, and names the viewer in the setting
`transom.viewer`, both for that transaction only (`db.database`). The owner of the tables, as which the server itself
works, stands above the policies.
"""

from alembic import op

from db import roles
from db.database import VIEWER_ROLE

revision = "0002"
down_revision = "0001"

VIEWER = """
CREATE FUNCTION transom_viewer() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
RETURN NULLIF(current_setting('transom.viewer', true), '')::uuid
"""

TOUCH_MEMBERS = """
CREATE FUNCTION transom_touch_members(session uuid, activity timestamptz) RETURNS TABLE (member uuid, head bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
    WITH members AS (
        SELECT u.id
        FROM users u JOIN memberships m ON m.user_id = u.id
        WHERE m.session_id = touch_members.session
          AND (transom_viewer() IS NULL OR EXISTS (
              SELECT FROM memberships own WHERE own.session_id = m.session_id AND own.user_id = transom_viewer()))
        ORDER BY u.id
        FOR NO KEY UPDATE OF u
    ), heads AS (
        UPDATE users u SET head = u.head + 1 FROM members WHERE u.id = members.id RETURNING u.id, u.head
    )
    UPDATE memberships m SET seq = heads.head, last_activity_at = COALESCE(activity, m.last_activity_at)
    FROM heads WHERE m.session_id = touch_members.session AND m.user_id = heads.id
    RETURNING m.user_id, m.seq;
END
""".replace("touch_members.", "transom_touch_members.")

# OFFSET 0 has each row looked up by its key. Without it the planner may read all that the viewer has, and hash it.
MEMBER = "EXISTS (SELECT FROM memberships m WHERE m.session_id = {session} AND m.user_id = transom_viewer() OFFSET 0)"
WRITER = MEMBER.replace(" OFFSET 0", " AND m.role IN ('owner', 'writer') OFFSET 0")

# Everything but whose session it is: who owns it can make members of it.
CHANGE_SESSIONS = f"""
DO $$ BEGIN
    EXECUTE (
        SELECT format('GRANT UPDATE (%s) ON sessions TO {VIEWER_ROLE}', string_agg(quote_ident(attname), ', '))
        FROM pg_attribute
        WHERE attrelid = 'sessions'::regclass AND attnum > 0 AND NOT attisdropped AND attname NOT IN ('id', 'owner_id')
    );
END $$
"""

OWN_SESSION = "EXISTS (SELECT FROM sessions s WHERE s.id = session_id AND s.owner_id = transom_viewer() OFFSET 0)"

# table: (what the role is granted, rows it sees, rows it may write)
POLICIES = {
    "users": ("SELECT, UPDATE (name, email, head)", "id = transom_viewer()", "id = transom_viewer()"),
    "projects": ("SELECT, INSERT, UPDATE", "owner_id = transom_viewer()", "owner_id = transom_viewer()"),
    "agents": (
        "SELECT, INSERT, UPDATE",
        "owner_id IS NULL OR owner_id = transom_viewer()",
        "owner_id = transom_viewer()",
    ),
    "sessions": (
        "SELECT, INSERT",  # and UPDATE, see CHANGE_SESSIONS
        "owner_id = transom_viewer() OR " + MEMBER.format(session="sessions.id"),
        "owner_id = transom_viewer() OR " + WRITER.format(session="sessions.id"),
    ),
    "memberships": (
        "SELECT, INSERT, UPDATE (branch, archived_at, last_activity_at, seq)",
        "user_id = transom_viewer()",
        "user_id = transom_viewer()",
    ),
    "branches": (
        "SELECT, INSERT",
        MEMBER.format(session="branches.session_id"),
        WRITER.format(session="branches.session_id"),
    ),
    "messages": (
        "SELECT, INSERT, UPDATE",
        MEMBER.format(session="messages.session_id"),
        WRITER.format(session="messages.session_id"),
    ),
    "runs": (
        "SELECT, INSERT, UPDATE",
        MEMBER.format(session="runs.session_id"),
        WRITER.format(session="runs.session_id"),
    ),
    "deltas": (
        "SELECT",
        "EXISTS (SELECT FROM runs r WHERE r.id = deltas.run_id OFFSET 0)",  # the policy of runs holds within
        "false",
    ),
}


def upgrade() -> None:
    op.execute(f"""
        DO $$ BEGIN  -- roles belong to the whole cluster: another database, or an administrator, may have made this one
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{VIEWER_ROLE}') THEN
                CREATE ROLE {VIEWER_ROLE} NOLOGIN;
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END $$
    """)
    op.execute(f"""
        DO $$ BEGIN
            IF NOT pg_has_role('{VIEWER_ROLE}', {roles.MAY_BECOME}) THEN
                GRANT {VIEWER_ROLE} TO CURRENT_USER;
            END IF;
        END $$
    """)
    op.execute(f"""
        DO $$ BEGIN
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO {VIEWER_ROLE}', current_schema());
        END $$
    """)
    op.execute(VIEWER)
    op.execute(TOUCH_MEMBERS)
    op.execute("REVOKE EXECUTE ON FUNCTION transom_touch_members FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION transom_touch_members TO {VIEWER_ROLE}")
    for table, (granted, seen, written) in POLICIES.items():
        op.execute(f"GRANT {granted} ON {table} TO {VIEWER_ROLE}")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        made = f"{written} AND {OWN_SESSION}" if table == "memberships" else written
        to = f"ON {table} FOR {{}} TO {VIEWER_ROLE}"
        op.execute(f"CREATE POLICY seen {to.format('SELECT')} USING ({seen})")
        op.execute(f"CREATE POLICY made {to.format('INSERT')} WITH CHECK ({made})")
        op.execute(f"CREATE POLICY changed {to.format('UPDATE')} USING ({written}) WITH CHECK ({written})")
    op.execute(CHANGE_SESSIONS)


def downgrade() -> None:
    for table in POLICIES:
        for policy in ("seen", "made", "changed"):
            op.execute(f"DROP POLICY {policy} ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        op.execute(f"REVOKE ALL ON {table} FROM {VIEWER_ROLE}")
    op.execute("DROP FUNCTION transom_touch_members")
    op.execute("DROP FUNCTION transom_viewer")
    op.execute(f"""
        DO $$ BEGIN
            EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM {VIEWER_ROLE}', current_schema());
        END $$
    """)
