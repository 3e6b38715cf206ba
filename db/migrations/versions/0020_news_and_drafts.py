"""Messages that know when they were news, and drafts that know which message they come after."""

import sqlalchemy as sa
from alembic import op

from db.database import VIEWER_ROLE

revision = "0020"
down_revision = "0019"

DRAFTS = ("last_sent_id", "draft_after_id")

ALLOWED = """
    (transom_viewer() IS NULL OR EXISTS (
        SELECT FROM memberships own WHERE own.session_id = m.session_id AND own.user_id = transom_viewer()))
"""
TOUCH_MEMBERS = f"""
CREATE FUNCTION transom_touch_members(session uuid, activity timestamptz, news bigint, author uuid{{arguments}})
RETURNS TABLE (member uuid, head bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
    WITH members AS (
        SELECT u.id
        FROM users u JOIN memberships m ON m.user_id = u.id
        WHERE m.session_id = transom_touch_members.session AND {ALLOWED}
        ORDER BY u.id
        FOR NO KEY UPDATE OF u
    ), heads AS (
        UPDATE users u SET head = u.head + 1 FROM members WHERE u.id = members.id RETURNING u.id, u.head
    )
    UPDATE memberships m SET seq = heads.head, last_activity_at = COALESCE(activity, m.last_activity_at),
        news_seq = CASE WHEN news IS NULL OR m.user_id = author THEN m.news_seq ELSE news END,
        read_seq = CASE WHEN m.user_id = author THEN greatest(m.read_seq, news) ELSE m.read_seq END,
        marked_unread = m.marked_unread AND m.user_id IS DISTINCT FROM author{{sets}}
    FROM heads WHERE m.session_id = transom_touch_members.session AND m.user_id = heads.id
    RETURNING m.user_id, m.seq;
END
"""
# What was about to be said is said; but what comes after this very message stays, though it was quicker.
SENT = """,
        last_sent_id = CASE WHEN m.user_id = author THEN coalesce(sent, m.last_sent_id) ELSE m.last_sent_id END,
        draft = CASE WHEN m.user_id = author AND sent IS NOT NULL AND m.draft_after_id IS DISTINCT FROM sent
            THEN NULL ELSE m.draft END"""

NEWEST = """
    coalesce((
        SELECT max(said.news_seq) FROM messages said
        WHERE said.session_id = m.session_id AND said.seq > m.read_seq AND said.news_seq > m.read_seq
            AND said.deleted_at IS NULL AND said.withdrawn_at IS NULL AND said.author_id IS DISTINCT FROM m.user_id
    ), least(m.news_seq, m.read_seq))
"""
# No viewer changes what another member has read. Where messages go or come back, this does.
RENEW_NEWS = f"""
CREATE FUNCTION transom_renew_news(session uuid) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
    UPDATE memberships m SET news_seq = {NEWEST} WHERE m.session_id = transom_renew_news.session AND {ALLOWED};
END
"""

# What everybody has read is no news, whenever it was said.
UNREAD = """
    UPDATE messages SET news_seq = messages.seq
    FROM (SELECT session_id, min(read_seq) AS seq FROM memberships WHERE news_seq > read_seq GROUP BY session_id) AS read
    WHERE messages.session_id = read.session_id AND messages.seq > read.seq
        AND messages.status NOT IN ('pending', 'streaming') AND messages.deleted_at IS NULL
"""


def upgrade() -> None:
    op.add_column("messages", sa.Column("news_seq", sa.BigInteger(), nullable=True))
    for column in DRAFTS:
        op.add_column("memberships", sa.Column(column, sa.Uuid(), nullable=True))
    op.execute(f"GRANT UPDATE ({', '.join(DRAFTS)}) ON memberships TO {VIEWER_ROLE}")
    op.execute(UNREAD)
    op.execute(f"UPDATE memberships m SET news_seq = {NEWEST} WHERE news_seq > read_seq")
    op.execute("DROP FUNCTION transom_touch_members (uuid, timestamptz, bigint, uuid)")
    _create("transom_touch_members", TOUCH_MEMBERS.format(arguments=", sent uuid DEFAULT NULL", sets=SENT))
    _create("transom_renew_news", RENEW_NEWS)


def downgrade() -> None:
    op.execute("DROP FUNCTION transom_renew_news")
    op.execute("DROP FUNCTION transom_touch_members (uuid, timestamptz, bigint, uuid, uuid)")
    _create("transom_touch_members", TOUCH_MEMBERS.format(arguments="", sets=""))
    for column in DRAFTS:
        op.drop_column("memberships", column)
    op.drop_column("messages", "news_seq")


def _create(name: str, function: str) -> None:
    op.execute(function)
    op.execute(f"REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO {VIEWER_ROLE}")
