"""After each of any mutations, two members see what they should: of branches, of what is new, of drafts, of undoing.

One step at a time, so that what is right after it is known; `test_convergence.py` has them at the same time.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chat.conversation import annotations, branches, edits, memberships, messages, sessions
from chat.conversation.annotations import Rating
from chat.conversation.drafts import After
from chat.conversation.member_fields import Folder, Personal
from chat.conversation.messages import TIP
from chat.conversation.reply_requests import Reply, WhenBusy
from chat.conversation.sessions import NewSession
from chat.library import folders
from chat.removal import deletions, trash
from chat.removal.message_tree import DeletionScope
from chat.runs import producers, retries, runs
from chat.scope import Scope
from db.models import MemberRole, Run
from tests.chat.conftest import answer, join
from tests.conftest import Server, viewer_of
from tests.convergence.test_convergence import TIMING, standing
from tests.producing.test_producing import COMPLETED
from tests.repeating.asking import ask

STATE = """
    query ($id: ID!) {
        session(id: $id) {
            leafId branchChosen unread unreadCount draft lastSentId messageCount lastMessagePreview
            messages(last: 100) { edges { node { id content parentId deletedAt feedback { userId rating comment } } } }
            turns(last: 20) { edges { node { question { id } } } }
        }
        sessions(first: 100, filter: { unread: true }) { edges { node { id } } counts { unread } }
        folders { id unreadCount }
    }
"""

type Seen = dict[str, Any]


@dataclass
class Member:
    """A member, and what is right for them."""

    scope: Scope
    folder: UUID
    marked: bool = False
    draft: str | None = None
    sent: UUID | None = None
    rated: dict[UUID, tuple[str, str | None]] = field(default_factory=dict)


@dataclass
class Talk:
    """A session of two members, and what has been made in it."""

    id: UUID
    members: tuple[Member, Member]
    parents: dict[str, str | None] = field(default_factory=dict)
    questions: list[UUID] = field(default_factory=list)
    ended: list[Run] = field(default_factory=list)
    stopped: list[Run] = field(default_factory=list)
    deleted: list[tuple[UUID, DeletionScope] | None] = field(default_factory=list)

    def path(self, message_id: str | None) -> set[str]:
        """A message and what stands before it."""
        found: set[str] = set()
        while message_id is not None:
            found.add(message_id)
            message_id = self.parents[message_id]
        return found

    def note(self, *made: Any) -> UUID:
        """Remembers new messages, parents first; returns the id of the last one."""
        for message in made:
            self.parents[str(message.id)] = None if message.parent_id is None else str(message.parent_id)
        id: UUID = made[-1].id
        return id


async def state(talk: Talk, member: Member) -> Seen:
    """What a member is told."""
    found = await ask(member.scope, STATE, id=str(talk.id))
    listed = [edge["node"]["id"] for edge in found["sessions"]["edges"]]
    badge = next(each["unreadCount"] for each in found["folders"] if each["id"] == str(member.folder))
    seen: Seen = found["session"]
    assert (seen["unread"], seen["unread"], seen["unread"]) == (
        str(talk.id) in listed,
        bool(badge),
        bool(found["sessions"]["counts"]["unread"]),
    )
    return seen


type Step = Callable[[Talk, Member, random.Random], Awaitable[UUID | None]]
"""Does something; returns what was written by it, if that was something."""

STEPS: dict[str, Step] = {}


def step(does: Step) -> Step:
    """Registers a step."""
    STEPS[does.__name__] = does
    return does


def sends(member: Member, message_id: UUID) -> None:
    """What is right after a member has sent a message."""
    member.draft, member.sent, member.marked = None, message_id, False


@step
async def say(talk: Talk, member: Member, dice: random.Random) -> UUID | None:
    under = dice.choice(talk.questions) if talk.questions and dice.random() < 0.4 else TIP
    if under is not TIP and not await alive(talk, under):
        return None
    said = (await messages.post(member.scope, talk.id, f"S{dice.random()}", parent_id=under)).message
    talk.questions.append(said.id)
    sends(member, said.id)
    return talk.note(said)


@step
async def send(talk: Talk, member: Member, dice: random.Random) -> UUID | None:
    sent = await messages.send(member.scope, talk.id, f"Q{dice.random()}")
    talk.questions.append(sent.message.id)
    sends(member, sent.message.id)
    talk.note(sent.message)
    return await replied(talk, member, Reply(sent.reply, sent.run), dice)


async def replied(talk: Talk, member: Member, reply: Reply, dice: random.Random) -> UUID | None:
    """A reply that is written, or stopped."""
    if dice.random() < 0.7:
        talk.ended.append(await answer(member.scope, reply.run, f"A{dice.random()}"))
    else:
        talk.stopped.append(await runs.cancel(member.scope, reply.run.id))
    return talk.note(reply.message)


async def alive(talk: Talk, message_id: UUID) -> bool:
    """Whether nobody has deleted a message."""
    (row,) = await messages.of_ids(talk.members[0].scope, [message_id])
    return row is not None and not row.withdrawn_at


async def parent_is_alive(talk: Talk, message_id: UUID) -> bool:
    """The same for a reply that may be asked for again, and its question."""
    parent = talk.parents[str(message_id)]
    return await alive(talk, message_id) and parent is not None and await alive(talk, UUID(parent))


@step
async def app(talk: Talk, member: Member, dice: random.Random) -> UUID | None:
    if not talk.questions or not await alive(talk, asked := dice.choice(talk.questions[-4:])):
        return None
    held = await producers.start(member.scope, asked, when_busy=WhenBusy.PARALLEL)
    await producers.finish(member.scope, held.run.id, 1, 0, COMPLETED)
    return talk.note(held.message)


@step
async def retry(talk: Talk, member: Member, dice: random.Random) -> UUID | None:
    if not talk.ended or not await parent_is_alive(talk, (run := dice.choice(talk.ended[-4:])).message_id):
        return None
    return await replied(talk, member, (await retries.retry(member.scope, run.id))[1], dice)


@step
async def reply(talk: Talk, member: Member, dice: random.Random) -> UUID | None:
    if not talk.questions or not await alive(talk, asked := dice.choice(talk.questions[-4:])):
        return None
    return await replied(talk, member, (await retries.answer(member.scope, asked))[1], dice)


@step
async def resume(talk: Talk, member: Member, dice: random.Random) -> UUID | None:
    if not talk.stopped or not await parent_is_alive(talk, talk.stopped[-1].message_id):
        return None
    again = (await retries.resume(member.scope, talk.stopped.pop().id))[1]
    await right(talk)
    talk.ended.append(await answer(member.scope, again.run, f"R{dice.random()}"))
    return again.message.id


@step
async def edit(talk: Talk, member: Member, dice: random.Random) -> UUID | None:
    if not talk.questions or not await alive(talk, asked := dice.choice(talk.questions[-4:])):
        return None
    said = (await edits.edit(member.scope, asked, f"E{dice.random()}", when_busy=None)).message
    talk.questions.append(said.id)
    member.marked = False
    return talk.note(said)


@step
async def choose(talk: Talk, member: Member, dice: random.Random) -> UUID | None:
    shown = [id for id in talk.parents if await alive(talk, UUID(id))]
    if not shown or dice.random() < 0.2:
        await branches.choose(member.scope, talk.id, None)
        return None
    chosen = dice.choice(shown)
    await branches.choose(member.scope, talk.id, UUID(chosen))
    assert chosen in talk.path((await state(talk, member))["leafId"])
    return None


async def undone(talk: Talk, do: Callable[[], Awaitable[object]], undo: Callable[[], Awaitable[object]]) -> None:
    """A change that is taken back at once leaves everything as it was, for everybody."""
    before = [await state(talk, each) for each in talk.members]
    await do()
    if await standing(talk.members[0].scope.process.db, str(talk.id)):
        await right(talk)
    await undo()
    assert [await state(talk, each) for each in talk.members] == before


@step
async def delete(talk: Talk, member: Member, dice: random.Random) -> UUID | None:
    if not talk.parents:
        return None
    message_id, what = UUID(dice.choice(list(talk.parents)[-8:])), dice.choice([*DeletionScope])
    await deletions.delete(member.scope, talk.id, message_id, what)
    talk.deleted.append((message_id, what))
    return None


@step
async def delete_and_undo(talk: Talk, member: Member, dice: random.Random) -> UUID | None:
    shown = [id for id in talk.parents if await alive(talk, UUID(id))]
    if not shown:
        return None
    message_id, what = UUID(dice.choice(shown)), dice.choice([*DeletionScope])
    counts = await deletions.delete(member.scope, talk.id, message_id, what)
    await deletions.restore(member.scope, talk.id, message_id, what)
    if counts.count:
        await undone(
            talk,
            lambda: deletions.delete(member.scope, talk.id, message_id, what),
            lambda: deletions.restore(member.scope, talk.id, message_id, what),
        )
    return None


@step
async def clear_and_undo(talk: Talk, member: Member, dice: random.Random) -> UUID | None:
    if any([await alive(talk, UUID(id)) for id in talk.parents]):
        await undone(
            talk,
            lambda: deletions.clear(member.scope, talk.id),
            lambda: deletions.restore_all(member.scope, talk.id),
        )
    return None


@step
async def trash_and_undo(talk: Talk, _: Member, dice: random.Random) -> UUID | None:
    owner = talk.members[0].scope
    before = [await state(talk, each) for each in talk.members]
    await sessions.delete(owner, talk.id)
    await trash.restore(owner, talk.id)
    assert [await state(talk, each) for each in talk.members] == before
    return None


@step
async def restore(talk: Talk, member: Member, dice: random.Random) -> UUID | None:
    if talk.deleted:
        earlier = talk.deleted.pop(dice.randrange(len(talk.deleted)))
        assert earlier is not None
        await deletions.restore(member.scope, talk.id, *earlier)
    return None


@step
async def read(talk: Talk, member: Member, dice: random.Random) -> UUID | None:
    await memberships.mark_read(member.scope, talk.id)
    member.marked = False
    assert (await state(talk, member))["unread"] is False
    return None


@step
async def mark(talk: Talk, member: Member, dice: random.Random) -> UUID | None:
    await memberships.mark_unread(member.scope, talk.id)
    member.marked = True
    return None


@step
async def draft(talk: Talk, member: Member, dice: random.Random) -> UUID | None:
    member.draft = f"D{dice.random()}"
    after = None if dice.random() < 0.5 else After(member.sent)
    await memberships.save_draft(member.scope, talk.id, member.draft, after=after)
    return None


@step
async def late_draft(talk: Talk, member: Member, dice: random.Random) -> UUID | None:
    """What another window had when the member sent something from it."""
    if member.sent is None:
        return None
    (sent,) = await messages.of_ids(member.scope, [member.sent])
    await memberships.save_draft(member.scope, talk.id, f"L{dice.random()}", after=After(None))
    if sent is not None and sent.content:
        await memberships.save_draft(member.scope, talk.id, sent.content)
    return None


@step
async def rate(talk: Talk, member: Member, dice: random.Random) -> UUID | None:
    leaf = (await state(talk, member))["leafId"]
    if leaf is None or not await alive(talk, UUID(leaf)):
        return None
    rating, comment = member.rated.get(UUID(leaf), (None, None))
    for _ in range(3):
        if rating is None or dice.random() < 0.5:
            chosen = dice.choice([*Rating])
            await annotations.rate(member.scope, UUID(leaf), chosen)
            rating = chosen.name
        else:
            comment = dice.choice([None, "Hm", "Well"])
            await annotations.rate(member.scope, UUID(leaf), comment=comment)
        member.rated[UUID(leaf)] = rating, comment
    return None


async def right(talk: Talk) -> list[Seen]:
    """Checks what holds at any time; returns what each member sees."""
    left = await standing(talk.members[0].scope.process.db, str(talk.id))
    followed = {talk.parents[id] for id in left}
    seen = [await state(talk, member) for member in talk.members]
    for member, told in zip(talk.members, seen, strict=True):
        path = [edge["node"] for edge in told["messages"]["edges"]]
        leaf = told["leafId"]
        assert (path[-1]["id"] if path else None) == leaf
        assert {node["id"] for node in path} == talk.path(leaf)
        assert (leaf in left) is bool(left)
        assert leaf not in followed, "Something that is not deleted follows."
        assert told["unread"] is (told["unreadCount"] > 0 or member.marked)
        assert told["draft"] == member.draft
        assert told["lastSentId"] == (member.sent and str(member.sent))
        for node in path:
            said = [each for each in node["feedback"] if each["userId"] == str(member.scope.viewer.id)]
            if node["deletedAt"] is None:
                rated = member.rated.get(UUID(node["id"]))
                assert [(each["rating"], each["comment"]) for each in said] == ([] if rated is None else [rated])
    return seen


CHOICE = sa.text("""
    SELECT deleted_at IS NULL FROM messages
    WHERE session_id = :session AND branch = (
        SELECT branch FROM memberships WHERE session_id = :session AND user_id = :user
    ) ORDER BY depth DESC LIMIT 1
""")


async def has_choice(talk: Talk, member: Member) -> bool:
    """Whether a member has chosen a branch whose end is not deleted."""
    async with member.scope.process.db.system() as tx:
        found = await tx.scalars(CHOICE, {"session": talk.id, "user": member.scope.viewer.id})
        return found.one_or_none() or False


async def play(talk: Talk, plan: list[tuple[str, int]], dice: random.Random) -> None:
    """Does the steps, one after the other, and checks what is seen after each."""
    seen = await right(talk)
    for name, who in plan:
        writer = talk.members[who]
        earlier, keeps = seen, [await has_choice(talk, member) for member in talk.members]
        written = await STEPS[name](talk, writer, dice)
        seen = await right(talk)
        if written is None:
            continue
        for member, before, now, kept in zip(talk.members, earlier, seen, keeps, strict=True):
            if member is writer or not before["branchChosen"]:
                assert str(written) in talk.path(now["leafId"]), "What was written last is seen."
            elif kept:
                assert before["leafId"] in talk.path(now["leafId"]), "Who chose a branch keeps it."


@pytest.mark.timeout(300)
@given(
    plan=st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 1)), min_size=12, max_size=30),
    seed=st.integers(0, 2**32),
)
@settings(
    max_examples=14,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # an example takes a second: it is shown as it is
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
async def test_members_see_what_they_should_after_any_step(
    server: Server, plan: list[tuple[str, int]], seed: int
) -> None:
    async with server.process(produces=False, timing=TIMING) as life:
        people = [await viewer_of(life, str(uuid4())) for _ in range(2)]
        session, _ = await sessions.create(people[0], NewSession(title="Shared"))
        await join(people[1], session.id, MemberRole.WRITER)
        members = []
        for scope in people:
            folder = (await folders.create(scope, "Work")).id
            await sessions.edit(scope, session.id, personal=Personal(folder=Folder(folder)))
            members.append(Member(scope, folder))
        talk = Talk(session.id, (members[0], members[1]))
        await play(talk, [("send", 0), ("retry", 0), *plan], random.Random(seed))
