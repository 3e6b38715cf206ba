"""How members organise their sessions: folders, pins, stars, tags, an order, drafts, and how far they have read.

What is new to a member is told by who touches all members of a session: whoever says something has read it.
"""

import sqlalchemy as sa
from alembic import op

from db.database import VIEWER_ROLE

revision = "0009"
down_revision = "0008"

NEWEST_FIRST = "lpad(to_hex(9007199254740991 - (extract(epoch FROM {at}) * 1000000)::bigint), 14, '0')"
COLUMNS = {
    "pinned_at": "timestamptz",
    "starred_at": "timestamptz",
    "folder_id": "uuid CONSTRAINT fk_memberships_folder_id REFERENCES folders ON DELETE SET NULL",
    "tags": "varchar[] NOT NULL DEFAULT '{}'",
    "position": f'varchar COLLATE "C" NOT NULL DEFAULT {NEWEST_FIRST.format(at="now()")}',
    "draft": "varchar",
    "read_seq": "bigint NOT NULL DEFAULT 0",
    "news_seq": "bigint NOT NULL DEFAULT 0",
    "marked_unread": "boolean NOT NULL DEFAULT false",
}

TOUCH_MEMBERS = """
CREATE FUNCTION transom_touch_members(session uuid, activity timestamptz{arguments})
RETURNS TABLE (member uuid, head bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
    WITH members AS (
        SELECT u.id
        FROM users u JOIN memberships m ON m.user_id = u.id
        WHERE m.session_id = transom_touch_members.session
          AND (transom_viewer() IS NULL OR EXISTS (
              SELECT FROM memberships own WHERE own.session_id = m.session_id AND own.user_id = transom_viewer()))
        ORDER BY u.id
        FOR NO KEY UPDATE OF u
    ), heads AS (
        UPDATE users u SET head = u.head + 1 FROM members WHERE u.id = members.id RETURNING u.id, u.head
    )
    UPDATE memberships m SET seq = heads.head, last_activity_at = COALESCE(activity, m.last_activity_at){news}
    FROM heads WHERE m.session_id = transom_touch_members.session AND m.user_id = heads.id
    RETURNING m.user_id, m.seq;
END
"""
# An author has read everything up to what they say, and has nothing marked as unread any more.
NEWS = """,
        news_seq = CASE WHEN news IS NULL OR m.user_id = author THEN m.news_seq ELSE news END,
        read_seq = CASE WHEN m.user_id = author THEN greatest(m.read_seq, news) ELSE m.read_seq END,
        marked_unread = m.marked_unread AND m.user_id IS DISTINCT FROM author"""


def upgrade() -> None:
    op.create_table(
        "folders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.Double(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("origin", sa.String(), nullable=True),
        sa.Column("mutation", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["parent_id"], ["folders.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_folders_owner_id_seq"), "folders", ["owner_id", "seq"])
    op.create_index(op.f("ix_folders_parent_id"), "folders", ["parent_id"])
    deleted = sa.text("deleted_at IS NOT NULL")
    op.create_index(op.f("ix_folders_deleted_at"), "folders", ["deleted_at"], postgresql_where=deleted)
    op.execute("CREATE TRIGGER touch BEFORE UPDATE ON folders FOR EACH ROW EXECUTE FUNCTION transom_touch()")
    op.execute("CREATE TRIGGER sign BEFORE INSERT ON folders FOR EACH ROW EXECUTE FUNCTION transom_sign()")
    op.execute("""
        CREATE TRIGGER sign_change BEFORE UPDATE ON folders FOR EACH ROW
        WHEN (NEW.seq IS DISTINCT FROM OLD.seq) EXECUTE FUNCTION transom_sign()
    """)
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON folders TO {VIEWER_ROLE}")
    op.execute("ALTER TABLE folders ENABLE ROW LEVEL SECURITY")
    own, to = "(owner_id = transom_viewer())", f"ON folders FOR {{}} TO {VIEWER_ROLE}"
    op.execute(f"CREATE POLICY seen {to.format('SELECT')} USING {own}")
    op.execute(f"CREATE POLICY made {to.format('INSERT')} WITH CHECK {own}")
    op.execute(f"CREATE POLICY changed {to.format('UPDATE')} USING {own} WITH CHECK {own}")

    op.execute("ALTER TABLE memberships " + ", ".join(f"ADD {name} {kind}" for name, kind in COLUMNS.items()))
    op.execute(f"UPDATE memberships SET position = {NEWEST_FIRST.format(at='created_at')}")
    op.execute(f"GRANT UPDATE ({', '.join(COLUMNS)}) ON memberships TO {VIEWER_ROLE}")
    op.create_index(
        op.f("ix_memberships_user_id_position_session_id"), "memberships", ["user_id", "position", "session_id"]
    )
    filed = sa.text("folder_id IS NOT NULL")
    op.create_index(op.f("ix_memberships_folder_id"), "memberships", ["folder_id"], postgresql_where=filed)
    _replace(arguments=", news bigint, author uuid", news=NEWS, earlier="uuid, timestamptz")


def downgrade() -> None:
    _replace(arguments="", news="", earlier="uuid, timestamptz, bigint, uuid")
    for name in COLUMNS:
        op.drop_column("memberships", name)
    op.drop_table("folders")


def _replace(*, arguments: str, news: str, earlier: str) -> None:
    op.execute(f"DROP FUNCTION transom_touch_members ({earlier})")
    op.execute(TOUCH_MEMBERS.format(arguments=arguments, news=news))
    op.execute("REVOKE EXECUTE ON FUNCTION transom_touch_members FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION transom_touch_members TO {VIEWER_ROLE}")
