"""A turn of the journal is one statement, and a transaction of its own.

It takes the producers' locks first, and only then asks which runs they still hold: each statement of the function sees
what is committed when it begins. Rows that are there already are looked for only where the plain insert has met one,
because being ready for them costs a quarter of the time and of the log.
"""

from alembic import op

revision = "0008"
down_revision = "0007"

HELD = "runs.id = new.run_id AND runs.epoch = new.epoch AND runs.status IN ('running', 'awaiting_input')"
NEW = "unnest(run_ids, epochs, seqs, counts, texts) AS new (run_id, epoch, seq, count, events)"
INSERT = f"""
    INSERT INTO deltas (run_id, epoch, seq, count, events)
    SELECT new.run_id, new.epoch, new.seq, new.count, new.events FROM {NEW} JOIN runs ON {HELD}
"""

APPEND = f"""
CREATE FUNCTION transom_append(
    producers text[], run_ids uuid[], epochs integer[], seqs bigint[], counts smallint[], texts text[]
) RETURNS SETOF uuid LANGUAGE plpgsql AS $$
DECLARE
    stored bigint;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(producer, 0)) FROM unnest(producers) AS producer;
    BEGIN
        {INSERT};
        GET DIAGNOSTICS stored = ROW_COUNT;
    EXCEPTION WHEN unique_violation THEN
        stored := 0;
        {INSERT} ON CONFLICT DO NOTHING;
    END;
    IF stored < cardinality(run_ids) THEN
        RETURN QUERY SELECT new.run_id FROM {NEW} WHERE NOT EXISTS (
            SELECT FROM deltas JOIN runs ON {HELD}
            WHERE deltas.run_id = new.run_id AND deltas.epoch = new.epoch AND deltas.seq = new.seq
        );
    END IF;
END $$
"""


def upgrade() -> None:
    op.execute(APPEND)
    op.execute("REVOKE EXECUTE ON FUNCTION transom_append FROM PUBLIC")


def downgrade() -> None:
    op.execute("DROP FUNCTION transom_append")
