"""Titles in the order of an alphabet, and names that are found however they were typed.

The order is the database's own wherever it runs: a collation of ICU is not in every build of PostgreSQL, and changes
with the system's libraries, under the indices and cursors that stand on it.
"""

from alembic import op

revision = "0019"
down_revision = "0017"

# Letters that are no letter with a mark, to Unicode; then the marks; then what tells equal ones apart.
ALPHABETIC = r"""
CREATE FUNCTION transom_alphabetic(named text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN replace(replace(replace(translate(
    regexp_replace(
        casefold(normalize(coalesce(named, ''), NFKD) COLLATE pg_unicode_fast), '[\u0300-\u036f]', '', 'g'
    ),
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


def _quietly(table: str, statement: str) -> None:
    """Changes rows without a trace of it in them."""
    op.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    op.execute(statement)
    op.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
