"""The branch that a member sees, and what stands beside its messages, are told with the messages, to that member."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from chat.conversation import branches, edits, messages
from chat.conversation.messages import TIP
from chat.conversation.sessions import NewSession
from chat.removal import deletions
from chat.removal.message_tree import DeletionScope
from chat.runs import retries
from chat.runtime import Life
from chat.scope import Scope
from db.changes import Told
from db.models import MemberRole, Message
from db.page import Span
from llm.scripted import ScriptedModel
from sync.events import BranchChanged, CaughtUp, MessageChanged, SiblingsChanged
from sync.session_feed import SessionFeed
from tests.branching.conversations import say, tell
from tests.chat.conftest import join
from tests.conftest import Server, viewer_of
from tests.repeating.asking import ask as query
from tests.sync.buses import Lossy, is_frame, process_on
from tests.sync.client import Client, watching
from tests.sync.talk import PATIENT, ask, at, begin, head, journaled
from tests.sync.test_losses import UNHURRIED
from tests.sync.test_meeting import Pause


async def line(scope: Scope, count: int, to: UUID | NewSession, under: Message | None = None) -> list[Message]:
    """So many messages that follow each other."""
    told: list[Message] = []
    for number in range(count):
        told.append(await say(scope, told[0].session_id if told else to, str(number), told[-1] if told else under))
    return told


def names(client: Client) -> str:
    """What the client shows of a session whose messages are single letters."""
    return "".join(client.shown[each].text for each in client.path)


async def sees(client: Client, path: str) -> None:
    """Returns when the client shows this path."""
    await client.until(lambda client: names(client) == path)


async def test_a_window_begins_with_the_branch_that_its_member_sees(scope: Scope, stranger: Scope) -> None:
    old = await line(scope, 60, NewSession(title="Talk"))
    session_id = old[0].session_id
    new = await line(scope, 3, session_id)
    await join(stranger, session_id, MemberRole.READER)
    await branches.choose(scope, session_id, old[0].id)
    async with watching(scope, session_id) as mine, watching(stranger, session_id) as theirs:
        assert mine.path == [message.id for message in old[10:]]
        assert mine.branch == (old[-1].id, True)
        assert list(mine.shown) == mine.path
        assert theirs.path == [message.id for message in new]
        assert theirs.branch == (new[-1].id, False)
        assert [type(event) for event in mine.told[-2:]] == [BranchChanged, CaughtUp]


async def test_a_choice_is_told_to_all_windows_of_the_member_and_to_nobody_else(
    server: Server, scope: Scope, stranger: Scope
) -> None:
    talk = await tell(scope)
    session_id = talk["A"].session_id
    await join(stranger, session_id, MemberRole.WRITER)
    async with server.process(timing=PATIENT) as other, AsyncExitStack() as stack:
        mine = [await stack.enter_async_context(watching(at(scope, life), session_id)) for life in (other, other)]
        mine.append(await stack.enter_async_context(watching(scope, session_id)))
        theirs = await stack.enter_async_context(watching(stranger, session_id))
        for name, path in (("D", "ADE"), ("C", "ABC"), ("F", "ABF")):
            heard = len(theirs.told)
            await branches.choose(scope, session_id, talk[name].id)
            for client in mine:
                await sees(client, path)
                await in_step(scope, session_id, client)
            assert len(theirs.told) == heard
        await branches.choose(scope, session_id, None)
        for client in mine:
            await client.until(lambda client: client.branch == (talk["F"].id, False))
        last = await say(scope, session_id, "G")
        for client in (*mine, theirs):
            await sees(client, "ABFG")
        assert theirs.branch == (last.id, False)
        assert [type(event) for event in theirs.told].count(BranchChanged) == 2


async def test_what_is_new_of_a_path_comes_before_it_and_nothing_else_again(scope: Scope) -> None:
    trunk = await line(scope, 80, NewSession(title="Talk"))
    session_id = trunk[0].session_id
    early = await line(scope, 60, session_id, trunk[9])
    late = await line(scope, 3, session_id, trunk[77])
    async with watching(scope, session_id) as client:
        for leaf, told in (
            (trunk[79], [trunk[30], *trunk[78:]]),
            (early[-1], early[10:]),
            (late[-1], [*trunk[31:78], *late]),
        ):
            heard = len(client.told)
            await branches.choose(scope, session_id, leaf.id)
            await client.until(lambda client, leaf=leaf: client.branch == (leaf.id, True))  # type: ignore[misc]
            news = client.told[heard:]
            assert [event.row.id for event in news if isinstance(event, MessageChanged)] == [each.id for each in told]
            assert isinstance(news[-1], BranchChanged)


async def test_a_window_that_comes_back_is_told_what_is_new_of_the_path_that_is_seen_now(scope: Scope) -> None:
    trunk = await line(scope, 8, NewSession(title="Talk"))
    session_id = trunk[0].session_id
    async with watching(scope, session_id) as client:
        pass
    other = await line(scope, 2, session_id, trunk[5])
    await branches.choose(scope, session_id, trunk[7].id)
    async with watching(scope, session_id, client.cursor, client=client):
        assert client.branch == (trunk[7].id, True)
        await branches.choose(scope, session_id, other[0].id)
        await client.until(lambda client: client.branch == (other[1].id, True))
    heard = len(client.told)
    async with watching(scope, session_id, client.cursor, client=client):
        assert [type(event) for event in client.told[heard:]] == [BranchChanged, CaughtUp]
    async with watching(scope, session_id) as fresh:
        pass
    await branches.choose(scope, session_id, trunk[7].id)
    heard = len(fresh.told)
    async with watching(scope, session_id, fresh.cursor, client=fresh):
        kinds = [type(event) for event in fresh.told[heard:]]
        assert kinds == [SiblingsChanged, MessageChanged, MessageChanged, BranchChanged, CaughtUp]
        assert fresh.path == [message.id for message in trunk]


async def test_whoever_says_no_leaf_or_one_that_is_none_is_right_too(scope: Scope) -> None:
    talk = await tell(scope)
    session_id = talk["A"].session_id
    cursor = await head(scope, session_id)
    async with watching(scope, session_id, cursor) as client:
        assert client.told[:-1] == [BranchChanged(talk["F"].id, False)]
    client = Client(branch=(uuid4(), False))
    async with watching(scope, session_id, cursor, client=client):
        assert names(client) == "ABF"


LEAF: dict[str, Callable[[Scope, dict[str, Message]], Awaitable[object]]] = {
    "its end is deleted": lambda scope, talk: deletions.delete(
        scope, talk["A"].session_id, talk["F"].id, DeletionScope.SUBTREE
    ),
    "all but another branch is deleted": lambda scope, talk: deletions.delete(
        scope, talk["A"].session_id, talk["E"].id, DeletionScope.OTHER_BRANCHES
    ),
    "all is deleted": lambda scope, talk: deletions.clear(scope, talk["A"].session_id),
    "another message is said at its end": lambda scope, talk: say(scope, talk["A"].session_id, "G", TIP),
    "another branch begins": lambda scope, talk: say(scope, talk["A"].session_id, "G", talk["A"]),
    "the conversation begins anew": lambda scope, talk: say(scope, talk["A"].session_id, "G", None),
    "another branch goes on": lambda scope, talk: say(scope, talk["A"].session_id, "G", talk["E"]),
    "it is answered anew": lambda scope, talk: retries.answer(scope, talk["B"].id),
}


PAGE = """
    query ($id: ID!, $leaf: ID!, $before: PageCursor) {
        message(id: $leaf) { pageCursor }
        session(id: $id) {
            messages(last: 2, before: $before) { pageInfo { hasPreviousPage } edges { node { id pageCursor } } }
        }
    }
"""


async def test_a_message_says_where_the_page_before_it_ends(scope: Scope) -> None:
    trunk = await line(scope, 4, NewSession(title="Talk"))
    side = await line(scope, 2, trunk[0].session_id, trunk[2])
    for path in ([*trunk], [*trunk[:3], *side]):
        asked = {"id": str(trunk[0].session_id), "leaf": str(path[-1].id)}
        before = (await query(scope, PAGE, **asked))["message"]["pageCursor"]
        found = [path[-1].id]
        more = True
        while more:
            page = (await query(scope, PAGE, **asked, before=before))["session"]["messages"]
            found = [*(UUID(edge["node"]["id"]) for edge in page["edges"]), *found]
            before, more = page["edges"][0]["node"]["pageCursor"], page["pageInfo"]["hasPreviousPage"]
        assert found == [message.id for message in path]


@pytest.mark.parametrize("chosen", [None, "F", "C", "E"])
@pytest.mark.parametrize("what", LEAF)
async def test_the_path_is_right_whatever_becomes_of_it(
    server: Server, scope: Scope, stranger: Scope, what: str, chosen: str | None
) -> None:
    talk = await tell(scope)
    session_id = talk["A"].session_id
    await join(stranger, session_id, MemberRole.WRITER)
    if chosen:
        await branches.choose(scope, session_id, talk[chosen].id)
    async with server.process(timing=PATIENT) as other:
        elsewhere = at(scope, other)
        async with watching(elsewhere, session_id) as mine, watching(stranger, session_id) as theirs:
            await LEAF[what](scope, talk)
            await in_step(scope, session_id, mine)
            await in_step(stranger, session_id, theirs)
            await deletions.restore_all(scope, session_id)
            await deletions.restore(scope, session_id, talk["F"].id, DeletionScope.SUBTREE)
            await deletions.restore(scope, session_id, talk["E"].id, DeletionScope.OTHER_BRANCHES)
            await in_step(scope, session_id, mine)
            await in_step(stranger, session_id, theirs)


async def in_step(scope: Scope, session_id: UUID, client: Client) -> None:
    """Returns when the client knows of the path, of each message and of what stands beside it what a fetch says."""
    page, _ = await messages.page(scope, session_id, Span(100))
    path = [row.id for row in page.rows]
    await client.until(lambda client: client.path == path)
    if path:
        families = await branches.siblings(scope, [(session_id, row.parent_id) for row in page.rows])
        beside = {row.id: [*family] for row, family in zip(page.rows, families, strict=True)}
        await client.until(lambda client: {id: client.beside(id) for id in path} == beside)


async def test_a_choice_whose_signal_is_lost_is_found_by_the_heartbeat(server: Server) -> None:
    bus = Lossy()
    async with process_on(server, bus, UNHURRIED) as started:
        scope = await viewer_of(started)
        talk = await tell(scope)
        async with watching(scope, talk["A"].session_id) as client:
            bus.loses = lambda *_: True
            await branches.choose(scope, talk["A"].session_id, talk["E"].id)
            await sees(client, "ADE")
            await branches.choose(scope, talk["A"].session_id, None)
            await client.until(lambda client: client.branch == (talk["F"].id, False))
            await sees(client, "ABF")
            assert bus.lost >= 2


async def test_a_window_that_was_told_of_another_path_than_its_feed_thinks_catches_up(
    alive: Life, scope: Scope
) -> None:
    talk = await tell(scope)
    session_id = talk["A"].session_id
    async with watching(scope, session_id) as client:
        feed = next(feed for feed in alive.process.feeds._readers if isinstance(feed, SessionFeed))
        feed.seen[scope.viewer.id] = replace(feed.seen[scope.viewer.id], path=Told(1, 1))
        await branches.choose(scope, session_id, talk["E"].id)
        await sees(client, "ADE")
        assert client.caught_up == 2
        await branches.choose(scope, session_id, talk["C"].id)
        await sees(client, "ABC")
        assert client.caught_up == 2


async def test_a_reply_goes_on_for_whoever_comes_to_its_branch(scope: Scope, model: ScriptedModel) -> None:
    talk = await tell(scope)
    session_id = talk["A"].session_id
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id, "G")
        await model.say("One ")
        await client.reads(sent.reply.id, "One ")
        await branches.choose(scope, session_id, talk["E"].id)
        await sees(client, "ADE")
        await model.say("two ")
        await branches.choose(scope, session_id, sent.reply.id)
        await client.until(lambda client: client.branch == (sent.reply.id, True))
        await model.say("three", end=True)
        await client.over(sent.run.id)
        assert names(client) == "ABFGOne two three"


async def test_who_sees_a_reply_misses_nothing_of_it_when_another_member_comes_to_its_branch(
    server: Server, model: ScriptedModel
) -> None:
    """The other one is told the whole reply, of a moment that those who see it have not come to."""
    bus = Lossy()
    async with process_on(server, bus, PATIENT) as started:
        mine, theirs = await viewer_of(started), await viewer_of(started, "theirs")
        talk = await tell(mine)
        session_id = talk["A"].session_id
        await join(theirs, session_id, MemberRole.READER)
        await branches.choose(theirs, session_id, talk["E"].id)
        async with watching(mine, session_id) as here, watching(theirs, session_id) as there:
            sent = await ask(mine, session_id, "G")
            await model.say("One ")
            await here.reads(sent.reply.id, "One ")
            bus.loses = is_frame
            await model.say("two ")
            await journaled(mine, 2)
            await branches.choose(theirs, session_id, sent.reply.id)
            await there.until(lambda client: client.branch == (sent.reply.id, True))
            bus.loses = lambda *_: False
            await model.say("three", end=True)
            await here.over(sent.run.id)
            await there.over(sent.run.id)
            assert names(here) == names(there) == "ABFGOne two three"


async def test_a_reply_has_no_hole_for_the_first_window_of_a_member_that_comes_while_others_write(
    server: Server, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The feed does not know yet what the window was told: it reads the whole end of the path, and reads it later."""
    bus = Lossy()
    async with process_on(server, bus, PATIENT) as started:
        mine, theirs = await viewer_of(started), await viewer_of(started, "theirs")
        session_id = await begin(mine)
        await join(theirs, session_id, MemberRole.READER)
        async with watching(theirs, session_id) as early:
            sent = await ask(mine, session_id, "G")
            await model.say("One ")
            await early.reads(sent.reply.id, "One ")
            pause = Pause(started, monkeypatch)
            async with watching(mine, session_id, live=False) as late:
                await pause.reached.wait()
                bus.loses = is_frame
                await model.say("two ")
                await journaled(mine, 2)
                await edits.revise(mine, sent.message.id, text="H")
                await early.reads(sent.message.id, "H")
                pause.over.set()
                await late.reads(sent.message.id, "H")
                bus.loses = lambda *_: False
                await model.say("three", end=True)
                for client in (early, late):
                    await client.over(sent.run.id)
                    assert client.shown[sent.reply.id].text == "One two three"


async def test_what_stands_beside_a_message_is_told_before_that_message(scope: Scope) -> None:
    a, b = await line(scope, 2, NewSession(title="Talk"))
    async with watching(scope, a.session_id) as client:
        assert client.siblings == {}
        c = await say(scope, a.session_id, "C", a)
        await client.until(lambda client: c.id in client.shown)
        kinds = [type(event) for event in client.told]
        assert kinds[-3:] == [SiblingsChanged, MessageChanged, BranchChanged]
        assert client.siblings == {a.id: [b.id, c.id]}
        d = await say(scope, a.session_id, "D", None)
        await client.until(lambda client: d.id in client.shown)
        assert client.siblings[None] == [a.id, d.id]
        await deletions.delete(scope, a.session_id, b.id, DeletionScope.MESSAGE)
        await client.until(lambda client: b.id not in client.shown)
        assert client.siblings[a.id] == [c.id]
        await deletions.restore(scope, a.session_id, b.id, DeletionScope.MESSAGE)
        await client.until(lambda client: b.id in client.shown)
        assert client.siblings[a.id] == [b.id, c.id]
    async with watching(scope, a.session_id) as fresh:
        assert fresh.siblings == {None: [a.id, d.id]}
        await branches.choose(scope, a.session_id, c.id)
        await fresh.until(lambda client: client.path == [a.id, c.id])
        assert fresh.siblings == {None: [a.id, d.id], a.id: [b.id, c.id]}
