"""Titles in the order of an alphabet, and names that are found however they were typed.

The order is the database's own wherever it runs: a collation of ICU is not in every build of PostgreSQL, and changes
with the system's libraries, under the indices and cursors that stand on it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

# What of PostgreSQL 18 earlier versions have of it: letters of all alphabets, but for a few that fold to several.
FOLDED = """
CREATE FUNCTION transom_folded(named text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN {expression}
"""
FOLDS = {18: "casefold(named COLLATE pg_unicode_fast)", 17: "lower(named COLLATE pg_c_utf8)"}

# Letters that are no letter with a mark, to Unicode; then the marks; then what tells equal ones apart.
ALPHABETIC = r"""
CREATE FUNCTION transom_alphabetic(named text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN replace(replace(replace(translate(
    regexp_replace(transom_folded(normalize(coalesce(named, ''), NFKD)), '[\u0300-\u036f]', '', 'g'),
    'øłđıðħŧ', 'oldidht'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th') || chr(1) || coalesce(named, '')
"""
COMPOSED = {
    "sessions": ("title",),
    "projects": ("name",),
    "agents": ("name",),
    "folders": ("name",),
    "templates": ("name", "title"),
}


def upgrade() -> None:
    op.execute(FOLDED.format(expression=_fold()))
    op.execute(ALPHABETIC)
    for table, columns in COMPOSED.items():
        for column in columns:
            _quietly(
                table,
                f"UPDATE {table} SET {column} = normalize({column}, NFC) WHERE {column} IS NOT NFC NORMALIZED",
            )
    _quietly(
        "memberships",
        "UPDATE memberships SET tags = ARRAY(SELECT DISTINCT ON (min(place)) normalize(tag, NFC)"
        " FROM unnest(tags) WITH ORDINALITY AS each (tag, place) GROUP BY normalize(tag, NFC) ORDER BY min(place))"
        " WHERE array_to_string(tags, ' ') IS NOT NFC NORMALIZED",
    )
    op.execute(
        'ALTER TABLE sessions ADD alphabetic text COLLATE "C" '
        "GENERATED ALWAYS AS (transom_alphabetic(title)) STORED NOT NULL"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE sessions DROP alphabetic")
    op.execute("DROP FUNCTION transom_alphabetic")
    op.execute("DROP FUNCTION transom_folded")


def _fold() -> str:
    """How this PostgreSQL makes case count no more: by rules of its own, of ICU, or of the system."""
    connection = op.get_bind()
    version = connection.execute(sa.text("SELECT current_setting('server_version_num')::int / 10000")).scalar_one()
    if version >= min(FOLDS):
        return FOLDS[min(version, max(FOLDS))]
    unicode = "SELECT count(*) FROM pg_collation WHERE collname = 'und-x-icu'"
    return 'lower(named COLLATE "und-x-icu")' if connection.execute(sa.text(unicode)).scalar_one() else "lower(named)"


def _quietly(table: str, statement: str) -> None:
    """Changes rows without a trace of it in them."""
    op.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    op.execute(statement)
    op.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
