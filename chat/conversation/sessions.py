"""Sessions: made, listed, edited, deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from chat import references, validation
from chat.conversation import openings, summaries
from chat.conversation.member_fields import NOTHING, Personal
from chat.library import nodes, templates
from chat.process import Process
from chat.quotas import active_sessions, quotas, sizes
from chat.refusals import IdTaken, NotAllowed, NotFound, Noun, SessionConflict
from chat.scope import Scope, made
from db import listing, memberships, rows, runs, sessions, users
from db.failures import duplicate
from db.listing import Filter, Listing, Place, SessionOrder
from db.models import MemberRole, Membership, Session, Template, TitleSource
from db.page import Span
from sync import channels
from sync.cursors import ScopeKind

type Seen = tuple[Session, Membership]
"""A session as one member sees it."""

EXTERNAL_IDS = "ix_sessions_owner_id_external_id"
"""What keeps the external ids of an account apart (`db.failures.duplicate`)."""

READ_ONLY = "You may read this session but not write to it."
"""Why a member is not allowed to."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a session begins with."""

    id: UUID | None = None
    project_id: UUID | None = None
    agent_id: UUID | None = None
    title: str | None = None
    external_id: str | None = None
    metadata: object = None
    template_id: UUID | None = None
    """What it begins with. What is said above counts more."""


async def get(scope: Scope, session_id: UUID) -> Seen | None:
    """The session, if there is such a one for the viewer."""
    async with scope.tx() as tx:
        return await sessions.with_membership(tx, session_id, scope.viewer.id)


async def of_ids(scope: Scope, session_ids: Sequence[UUID]) -> Sequence[rows.Seen | None]:
    """The sessions in the order of their ids."""
    found = await sessions.of_ids(scope.reader, session_ids)
    return [found.get(session_id) for session_id in session_ids]


async def page(scope: Scope, span: Span[Place], where: Filter, order: SessionOrder = SessionOrder.ACTIVITY) -> Listing:
    """The viewer's sessions; with the account's epoch and head of the same moment."""
    return await listing.page(scope.reader, span, where, order)


async def count(scope: Scope, where: Filter) -> int:
    """How many of the viewer's sessions the filter leaves."""
    return await listing.count(scope.reader, where)


async def counts(scope: Scope, where: Filter) -> Mapping[str, int]:
    """How many they are, as `total`, and how many of those are what (`db.listing.COUNTED`)."""
    return dict(await listing.counts(scope.reader, where))


async def unread(scope: Scope, session_ids: Sequence[UUID]) -> Sequence[int]:
    """How many messages of each session are new to the viewer, up to `db.listing.MOST_UNREAD`."""
    found = await listing.unread(scope.reader, session_ids)
    return [found.get(session_id, 0) for session_id in session_ids]


async def create(scope: Scope, new: NewSession) -> Seen:
    """Makes a session. With a client-made id, doing it again returns what the first call made.

    Raises:
        InvalidInput: a value cannot be used.
        NotFound: there is no such project or agent.
        IdTaken: the id belongs to something else.
        QuotaExceeded: there are as many sessions as there may be, or as the agent allows.
    """
    try:
        async with scope.write() as tx:
            if new.id is not None and (found := await existing(tx, scope, new.id)) is not None:
                made(tx, session=new.id)
                return found
            seen = await begin(tx, scope, new, speaks=True)
            made(tx, session=seen[0].id)
    except IntegrityError as error:
        if duplicate(error) != EXTERNAL_IDS:
            raise
        raise IdTaken("externalId") from error
    ring_members(scope.process, {scope.viewer.id: seen[1].seq})
    if new.template_id is not None:
        channels.queued(scope.process.bus, scope.process.id)
    return seen


async def existing(
    tx: AsyncSession, scope: Scope, session_id: UUID, field: str = "id", *, forked_from: UUID | None = None
) -> Seen | None:
    """The session that an earlier call with this id made; None where nothing has the id (`nodes.claim`).

    Raises:
        IdTaken: something else has it, such as a session of somebody else, or one with another origin.
        NotFound: it was made, and deleted since.
    """
    if await nodes.claim(tx, "session", session_id, field):
        return None
    session = await sessions.get(tx, session_id)
    if session is None or session.forked_session_id != forked_from:
        raise IdTaken(field)
    seen = await sessions.with_membership(tx, session_id, scope.viewer.id)
    if seen is None:
        raise NotFound("session")
    return seen


async def begin(tx: AsyncSession, scope: Scope, new: NewSession, *, speaks: bool = False) -> Seen:
    """Stores a new session and its owner's membership, in a transaction of the viewer.

    With `speaks`, the agent begins, if the template wants that.

    Raises:
        InvalidInput: a value cannot be used.
        NotFound: there is no such project, agent or template.
        QuotaExceeded: there are as many sessions as there may be, or as the agent allows, or no room for its messages.
        sqlalchemy.exc.IntegrityError: the external id is taken (`EXTERNAL_IDS`).
    """
    template = None if new.template_id is None else await templates.get(tx, new.template_id)
    if template is not None:
        new = await _as_in(tx, new, template)
    title = None if new.title is None else validation.name("title", new.title)
    external_id = None if new.external_id is None else validation.external_id("externalId", new.external_id)
    metadata = validation.metadata("metadata", new.metadata)
    await references.check(tx, project=new.project_id, agent=new.agent_id)
    await sizes.check(tx, scope, metadata=metadata)
    speaks = speaks and template is not None and template.begins
    await quotas.claim(tx, scope, sessions=1, runs=int(speaks), agent_id=new.agent_id)
    await active_sessions.make_room(tx, scope.viewer.id, new.agent_id)
    session = Session(
        id=new.id or uuid7(),
        owner_id=scope.viewer.id,
        project_id=new.project_id,
        agent_id=new.agent_id,
        title=title,
        title_source=TitleSource.NONE if title is None else TitleSource.PERSON,
        external_id=external_id,
        meta=metadata,
    )
    member = Membership(
        session_id=session.id,
        user_id=scope.viewer.id,
        role=MemberRole.OWNER,
        seq=await users.advance(tx, scope.viewer.id),
    )
    await sessions.add(tx, session, member)
    if template is not None:
        session = await openings.fill(tx, scope, session, template, speaks=speaks)
        await quotas.fit(tx, scope)
    return session, member


async def _as_in(tx: AsyncSession, new: NewSession, template: Template) -> NewSession:
    """What a session begins with that leaves the rest to a template; an agent that was deleted since is left out."""
    agent_id = new.agent_id or await references.kept(tx, "agent", template.agent_id)
    metadata = {**template.meta, **validation.metadata("metadata", new.metadata)}
    return replace(new, agent_id=agent_id, title=new.title or template.title, metadata=metadata)


async def edit(
    scope: Scope,
    session_id: UUID,
    *,
    title: str | None = None,
    metadata: object = None,
    summary: str | None = None,
    links: Mapping[str, UUID | None] | None = None,
    personal: Personal = NOTHING,
    expected_version: int | None = None,
) -> Seen:
    """Sets the fields that are given. `links` may hold `project_id` and `agent_id`; None there takes the link away.

    Title, metadata, summary and links are the same for all members, and have a version that may be expected; what is
    `personal` is the viewer's own. A blank summary takes it away.

    Raises:
        NotFound: there is no such session, project, agent or folder.
        NotAllowed: the viewer may only read the session.
        InvalidInput: a value cannot be used.
        SessionConflict: the session has another version than the expected one.
        QuotaExceeded: it would be active, and there are as many with its agent as that allows.
    """
    shared: dict[str, Any] = dict(links or {})
    if title is not None:
        shared |= {"title": validation.name("title", title), "title_source": TitleSource.PERSON}
    if metadata is not None:
        shared["meta"] = validation.metadata("metadata", metadata)
    async with scope.write() as tx:
        made(tx, session=session_id)
        await sizes.check(tx, scope, metadata=shared.get("meta"))
        writes = bool(shared) or summary is not None
        session, member = await writable(tx, scope, session_id) if writes else await seen(tx, scope, session_id)
        if summary is not None:
            shared["summary"] = await summaries.by_person(tx, session, member, summary)
        earlier = session.agent_id
        await references.check(tx, project=shared.get("project_id"), agent=shared.get("agent_id"))
        heads: Mapping[UUID, int] = {}
        if shared:
            version = [] if expected_version is None else [Session.version == expected_version]
            changed = await sessions.advance(
                tx, session_id, 0, where=[sessions.ALIVE, *version], version=Session.version + 1, **shared
            )
            if changed is None:
                now = await seen(tx, scope, session_id)
                tx.expunge_all()  # the refusal outlives the transaction
                raise SessionConflict(*now)
            session = changed
            heads = await memberships.touch(tx, session_id)
        archived = personal.archived
        is_active = not archived if archived is not None else member.archived_at is None
        if is_active and (member.archived_at is not None or session.agent_id != earlier):
            await active_sessions.make_room(tx, scope.viewer.id, session.agent_id, session_id)
        if personal:
            await users.advance(tx, scope.viewer.id, 0)  # from here on no folder is deleted
            member = await memberships.get(tx, session_id, scope.viewer.id) or member
            values = await personal.values(tx, session, member)
            seq = heads.get(scope.viewer.id) or await users.advance(tx, scope.viewer.id)
            member = await memberships.change(tx, session_id, scope.viewer.id, seq, values)
            heads = {**heads, scope.viewer.id: seq}
    ring_members(scope.process, heads)
    return session, member


async def delete(scope: Scope, session_id: UUID) -> Seen:
    """Deletes a session for all its members; what runs in it is stopped.

    Raises:
        NotFound: there is no such session.
        NotAllowed: the viewer is not its owner.
    """
    async with scope.write() as tx:
        made(tx, session=session_id)
        _, member = await seen(tx, scope, session_id)
        if member.role is not MemberRole.OWNER:
            raise NotAllowed("Only the owner of a session can delete it.")
        session = await sessions.advance(tx, session_id, deleted_at=func.now())
        if session is None:
            raise NotFound("session")
        heads = await memberships.touch(tx, session_id)
        active = sorted(run.id for run in await runs.active(tx, [session_id]))  # in the order in which runs are locked
        session = await sessions.advance(tx, session_id, len(active), where=()) or session
        for number, run_id in enumerate(active, start=session.head - len(active) + 1):
            await runs.request_cancel(tx, run_id, number)
    ring(scope.process, session)
    ring_members(scope.process, heads)
    channels.stop(scope.process.bus, active)
    return session, member


async def seen(tx: AsyncSession, scope: Scope, session_id: UUID, named: Noun = "session") -> Seen:
    """The session as the viewer sees it; or that of something in it, which is what was `named`.

    Raises:
        NotFound: there is no such session, or other thing, for the viewer.
    """
    found = await sessions.with_membership(tx, session_id, scope.viewer.id)
    if found is None:
        raise NotFound(named)
    return found


async def writable(tx: AsyncSession, scope: Scope, session_id: UUID, named: Noun = "session") -> Seen:
    """The same for a viewer who may write to it.

    Raises:
        NotFound: there is no such session, or other thing, for the viewer.
        NotAllowed: the viewer may only read it.
    """
    found = await seen(tx, scope, session_id, named)
    if found[1].role is MemberRole.READER:
        raise NotAllowed(READ_ONLY)
    return found


def ring(process: Process, session: Session) -> None:
    """Tells the session's windows."""
    channels.ring(process.bus, ScopeKind.SESSION, session.id, session.head)


def ring_members(process: Process, heads: Mapping[UUID, int]) -> None:
    """Tells the members' windows."""
    for user_id, head in heads.items():
        channels.ring(process.bus, ScopeKind.ACCOUNT, user_id, head)
