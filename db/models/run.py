"""One attempt to generate a reply, and the journal of what it has generated so far."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Double, ForeignKey, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.row import Counter, Created, Id, Row, Timestamp, choice


class RunStatus(StrEnum):
    """How far a run is; the last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    AWAITING_INPUT = "awaiting_input"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


ACTIVE = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.AWAITING_INPUT)
"""The statuses from which a run can still go on."""

_ACTIVE_SQL = "status IN ('queued', 'running', 'awaiting_input')"


class FinishReason(StrEnum):
    """Why a model stopped writing."""

    STOP = "stop"
    LENGTH = "length"
    CONTENT_FILTER = "content_filter"
    REFUSED = "refused"
    PAUSED = "paused"
    TOOL_CALLS = "tool_calls"
    OTHER = "other"


class Executor(StrEnum):
    """Who generates the reply of a run."""

    SERVER = "server"
    APP = "app"


class Run(Row):
    """A run is owned through the lease in its row, so any process can take it over."""

    __tablename__ = "runs"

    id: Mapped[Id]
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    message_id: Mapped[UUID] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), index=True)
    """The reply that it writes."""
    agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    requested_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))

    status: Mapped[RunStatus] = mapped_column(choice(RunStatus), default=RunStatus.QUEUED)
    executor: Mapped[Executor] = mapped_column(choice(Executor), default=Executor.SERVER)
    position: Mapped[float] = mapped_column(Double)
    """Its place among the session's runs; they are executed in this order."""
    parallel: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether it neither waits for the session's other runs nor holds them up."""
    epoch: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Rises whenever a producer takes the run; what a producer of an earlier epoch writes is refused."""
    producer: Mapped[str | None]
    """The process that holds the lease."""
    lease_until: Mapped[Timestamp | None]
    cancel_requested_at: Mapped[Timestamp | None]

    provider: Mapped[str | None]
    """The provider that answered, by its name at the server."""
    model: Mapped[str | None]
    """The model that answered, as its provider names it."""
    finish_reason: Mapped[FinishReason | None] = mapped_column(choice(FinishReason))
    finish_word: Mapped[str | None]
    """The provider's own word for the reason."""
    first_token_at: Mapped[Timestamp | None]
    told_bytes: Mapped[int | None]
    """About how many bytes the model was told, as `db.outlines` weighs them: with `usage`, what a byte is in tokens."""
    question: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    """What a person is asked while the run awaits input: `{id, text, data, answer, answeredBy}`."""
    usage: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    """Tokens as the provider counted them: `{inputTokens, outputTokens, …}`."""
    error: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    """`{code, reason}` where the run failed."""

    seq: Mapped[Counter]
    """Its last change in the session scope."""
    origin: Mapped[str | None]
    """The client that made the last change, so that a window knows its own echo; the database sets it."""
    mutation: Mapped[str | None]
    """The `clientMutationId` of the last change; the database sets it."""

    created_at: Mapped[Created]
    updated_at: Mapped[Timestamp] = mapped_column(server_default=text("now()"))
    started_at: Mapped[Timestamp | None]
    finished_at: Mapped[Timestamp | None]

    __table_args__ = (
        Index(None, "session_id", "seq"),
        Index("ix_runs_active", "session_id", "position", postgresql_where=text(_ACTIVE_SQL)),
        Index("ix_runs_queued", "id", postgresql_where=text("status = 'queued'")),
        Index("ix_runs_leased", "lease_until", postgresql_where=text("status IN ('running', 'awaiting_input')")),
    )


class Delta(Row):
    """Some consecutive events of one run, journaled before any window saw them.

    There is no foreign key on purpose: it would lock and rewrite the run's row with every turn of the journal. An
    append is fenced by epoch and status under the run's lock instead (`db.deltas`).
    """

    __tablename__ = "deltas"

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """The number of the first event, counted from 1 in each epoch."""
    count: Mapped[int] = mapped_column(SmallInteger)
    events: Mapped[str]
    """A JSON array of `count` events (`sync.parts`)."""
