"""Places of folders as text, like those of sessions."""

from alembic import op

revision = "0016"
down_revision = "0015"

RANK = "SELECT id, row_number() OVER (PARTITION BY owner_id, parent_id ORDER BY position, id) AS place FROM folders"


def upgrade() -> None:
    _number("placed.place")
    op.execute(
        'ALTER TABLE folders ALTER COLUMN position TYPE varchar COLLATE "C" '
        "USING rtrim(to_hex(2147483648 + position::bigint), '0')"
    )


def downgrade() -> None:
    _number("placed.place::varchar")
    op.execute("ALTER TABLE folders ALTER COLUMN position TYPE double precision USING position::double precision")


def _number(place: str) -> None:
    """Numbers siblings from 1, without a trace of it in the rows."""
    op.execute("ALTER TABLE folders DISABLE TRIGGER USER")
    op.execute(f"UPDATE folders SET position = {place} FROM ({RANK}) AS placed WHERE placed.id = folders.id")
    op.execute("ALTER TABLE folders ENABLE TRIGGER USER")
