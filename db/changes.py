"""What has changed in a session, in one statement: the rows, what is being written, and the journal, of one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from db import paths, rows
from db.reader import Asked, Readers

BEGINNING = 50
"""Messages of a path that a window begins with which knows nothing of it."""

_MESSAGE = f"""
    {rows.MESSAGE_COLUMNS},
    CASE WHEN message.status = 'streaming' THEN (
        SELECT ARRAY[runs.epoch, coalesce((
            SELECT seq + count - 1 FROM deltas
            WHERE deltas.run_id = runs.id AND deltas.epoch = runs.epoch ORDER BY seq DESC LIMIT 1
        ), 0)]
        FROM runs WHERE runs.id = message.run_id AND runs.status IN ('running', 'awaiting_input')
    ) END AS writing
"""
_DELTA = """
    delta.run_id AS "delta.run_id", delta.epoch AS "delta.epoch", delta.seq AS "delta.seq",
    delta.events AS "delta.events"
"""


def _nulls(count: int) -> str:
    return ", ".join(["NULL"] * count)


# Each kind has the columns of all kinds, empty where they are not its own. The first one, which is of messages, says of
# which types they are: it joins the other tables with nothing.
_NO_MESSAGE, _NO_RUN, _NO_DELTA = (
    _nulls(len(rows.Message.__annotations__) + 1),
    _nulls(len(rows.RUN)),
    _nulls(4),
)
_FIRST = f"SELECT 'message' AS kind, {_MESSAGE}, {rows.RUN_COLUMNS}, {_DELTA}, NULL AS data FROM"
_OTHERS = "LEFT JOIN runs AS run ON false LEFT JOIN deltas AS delta ON false"
_NO_ROW = f"{_NO_MESSAGE}, {_NO_RUN}, {_NO_DELTA}"

_NEWEST = f"""
    {_FIRST} {paths.MESSAGES} {_OTHERS}
    WHERE message.deleted_at IS NULL
"""

_CHANGED = """
    (SELECT * FROM messages WHERE session_id = scope.id AND seq > $2::bigint ORDER BY seq LIMIT $3::int) AS message
"""

_SINCE = f"""
    {_FIRST} {_CHANGED} {_OTHERS}
    UNION ALL
    SELECT 'run', {_NO_MESSAGE}, {rows.RUN_COLUMNS}, {_NO_DELTA}, NULL FROM (
        SELECT * FROM runs WHERE session_id = scope.id AND seq > $2 ORDER BY seq LIMIT $3
    ) AS run
"""

_FLYING = f"""
    SELECT 'flying', {_MESSAGE}, {_NO_RUN}, {_NO_DELTA}, NULL FROM (
        SELECT message_id FROM runs
        WHERE runs.session_id = scope.id AND runs.status IN ('running', 'awaiting_input') ORDER BY position, id
    ) AS active CROSS JOIN LATERAL (
        SELECT * FROM messages WHERE messages.id = active.message_id AND deleted_at IS NULL OFFSET 0
    ) AS message
"""

_MISSING = f"""
    SELECT 'delta', {_NO_MESSAGE}, {_NO_RUN}, {_DELTA}, NULL
    FROM unnest($4::uuid[], $5::int[], $6::bigint[]) AS known (run_id, epoch, last)
    CROSS JOIN LATERAL (
        SELECT * FROM deltas
        WHERE deltas.run_id = known.run_id AND deltas.epoch = known.epoch AND seq + count > known.last + 1
    ) AS delta
"""

_SEEN = f"""
    SELECT 'seen', {_NO_ROW}, json_build_object(
        'number', path.number, 'length', path.length, 'leaf', (
            SELECT id FROM messages
            WHERE session_id = path.id AND depth = path.length - 1
                AND messages.branch = path.lineage[width_bucket(path.length - 1, path.starts)]
        ), 'members', (
            SELECT json_agg(json_build_array(user_id, seq, branch)) FROM member WHERE member.number = path.asked
        )
    )::text FROM path
"""

_PATH = f"""
    SELECT 'path', {_MESSAGE}, {_NO_RUN}, {_NO_DELTA}, NULL FROM {paths.MESSAGES}
    WHERE message.deleted_at IS NULL AND message.seq <= $2
"""


def _beside(*told: str) -> str:
    """What stands beside the messages that are told. There are such only where a branch begins."""
    parents = " UNION ALL ".join(f"SELECT message.parent_id FROM {each}" for each in told)
    return f"""
    SELECT 'siblings', {_NO_ROW}, json_build_object('parent', family.parent_id, 'ids', (
        SELECT json_agg(beside.id ORDER BY beside.created_at, beside.id) FROM (
            SELECT id, created_at FROM messages WHERE parent_id = family.parent_id AND deleted_at IS NULL
            UNION ALL
            SELECT id, created_at FROM messages
            WHERE family.parent_id IS NULL AND session_id = scope.id AND parent_id IS NULL AND deleted_at IS NULL
        ) AS beside
    ))::text FROM (SELECT DISTINCT parent_id FROM ({parents}) AS message) AS family
    WHERE scope.last_branch > 0
    """


_BESIDE_NEWEST = _beside(paths.MESSAGES)
_BESIDE_CHANGED = _beside(_CHANGED)
_BESIDE_ALL = _beside(_CHANGED, paths.MESSAGES)


def _of(steps: str, *kinds: str) -> Asked[rows.Change]:
    return Asked(
        f"""
        WITH scope AS MATERIALIZED (
            SELECT id, epoch, head, current_branch, last_branch FROM sessions WHERE id = $1 AND deleted_at IS NULL
        ), {steps}
        SELECT scope.epoch AS scope_epoch, scope.head AS scope_head, found.*
        FROM scope LEFT JOIN LATERAL ({" UNION ALL ".join(kinds)}) AS found ON true
        """,
        rows.Change,
    )


def _members(known: str) -> str:
    """The steps from `known (user_id, number, length)`, what members were told of the paths that they see, to those."""
    return f"""
    known AS MATERIALIZED ({known}),
    member AS MATERIALIZED (
        SELECT known.user_id, known.number AS known_number, known.length AS known_length, membership.seq,
            membership.branch, coalesce(membership.branch, scope.current_branch) AS number
        FROM scope CROSS JOIN known JOIN memberships AS membership
            ON membership.session_id = scope.id AND membership.user_id = known.user_id
    ),
    seen AS MATERIALIZED (SELECT DISTINCT scope.id, member.number FROM scope CROSS JOIN member),
    {paths.PATH}
    """


# Of a path that does not just go on after what its members were told, the end is told, but for what they have: the end
# of the other path, as far as the two are one.
_TURNS = f"""
    turn AS MATERIALIZED (
        SELECT DISTINCT path.id, path.lineage, path.starts, path.length, member.known_length, least(
            member.known_length,
            coalesce((
                SELECT least(path.starts[place + 1], other.starts[place + 1], path.length)
                FROM generate_subscripts(path.lineage, 1) AS place WHERE path.lineage[place] = other.lineage[place]
                ORDER BY place DESC LIMIT 1
            ), 0)
        ) AS shared
        FROM member JOIN path ON path.asked = member.number
        LEFT JOIN LATERAL (
            SELECT lineage, starts FROM branches WHERE session_id = path.id AND number = member.known_number OFFSET 0
        ) AS other ON true
        WHERE member.known_number IS DISTINCT FROM path.number OR path.length < member.known_length
    ),
    page AS MATERIALIZED (
        SELECT id, lineage, starts, greatest(part.first, length - {BEGINNING}, 0) AS first,
            least(part.stop, length) AS stop
        FROM turn CROSS JOIN LATERAL (VALUES (0, known_length - {BEGINNING}), (shared, length)) AS part (first, stop)
    ),
    {paths.SEGMENTS}
"""

_AT_LEAF = """
    SELECT $4::uuid AS user_id, leaf.branch AS number, leaf.depth + 1 AS length
    FROM (VALUES ($5::uuid)) AS told (id) LEFT JOIN messages AS leaf ON leaf.id = told.id AND leaf.session_id = $1
"""

NEWEST = _of(
    f"""
    {_members("SELECT $3::uuid AS user_id, NULL::int AS number, NULL::int AS length")},
    page AS MATERIALIZED (SELECT path.*, greatest(0, length - $2::int) AS first, length AS stop FROM path),
    {paths.SEGMENTS}
    """,
    _NEWEST,
    _FLYING,
    _SEEN,
    _BESIDE_NEWEST,
)
SINCE = _of(
    _members("SELECT $4::uuid AS user_id, NULL::int AS number, NULL::int AS length"),
    _SINCE,
    _FLYING,
    _SEEN,
    _BESIDE_CHANGED,
)
SINCE_AT = _of(
    f"""
    {_members(_AT_LEAF)},
    {_TURNS}
    """,
    _SINCE,
    _FLYING,
    _SEEN,
    _PATH,
    _BESIDE_ALL,
)
_TOLD = "SELECT * FROM unnest($7::uuid[], $8::int[], $9::int[]) AS told (user_id, number, length)"
SINCE_WITH_JOURNAL = _of(
    _members(_TOLD),
    _SINCE,
    _MISSING,
    _SEEN,
    _BESIDE_CHANGED,
)
SINCE_TURNED = _of(
    f"""
    {_members(_TOLD)},
    {_TURNS}
    """,
    _SINCE,
    _MISSING,
    _SEEN,
    _PATH,
    _BESIDE_ALL,
)


@dataclass(frozen=True, slots=True)
class Told:
    """The path that a member was told of: whose branch it is, and how many messages it had."""

    number: int
    length: int


async def newest(readers: Readers, session_id: UUID, count: int, user_id: UUID | None = None) -> Sequence[rows.Change]:
    """The last `count` messages of the branch that a member sees, every message in flight, and the branch itself.

    Each row says where the scope stands; a row without a kind says nothing else. No row: there is no such session, or
    it is deleted. Without a member, there is no branch.
    """
    return await readers.fetch(NEWEST, session_id, count, user_id)


async def since(
    readers: Readers, session_id: UUID, after: int, limit: int, user_id: UUID | None = None, leaf_id: UUID | None = None
) -> Sequence[rows.Change]:
    """What changed after a number, deletions included, every message in flight, and the branch that a member sees.

    Of messages and of runs the first `limit` each. With `leaf_id`, the last message of the path that they were told
    of, also what they lack of the last `BEGINNING` messages of the path that they see now. Otherwise as `newest`.
    """
    if leaf_id is None:
        return await readers.fetch(SINCE, session_id, after, limit, user_id)
    return await readers.fetch(SINCE_AT, session_id, after, limit, user_id, leaf_id)


async def since_with_journal(
    readers: Readers,
    session_id: UUID,
    after: int,
    limit: int,
    known: Sequence[tuple[UUID, int, int]],
    told: Mapping[UUID, Told | None] = MappingProxyType({}),
    *,
    turned: bool = False,
) -> Sequence[rows.Change]:
    """The same for several members, without the messages in flight, but with what is in the journal.

    That is, of each run, what it has journaled in an epoch after an event: `known` is `(run, epoch, event number)`.
    `told` says what each member was told of their path (None: nothing), and with `turned` what they lack of it is read.
    """
    run_ids, epochs, numbers = zip(*known, strict=True) if known else ((), (), ())
    branches = [None if each is None else each.number for each in told.values()]
    lengths = [None if each is None else each.length for each in told.values()]
    asked = SINCE_TURNED if turned else SINCE_WITH_JOURNAL
    return await readers.fetch(asked, session_id, after, limit, run_ids, epochs, numbers, list(told), branches, lengths)
