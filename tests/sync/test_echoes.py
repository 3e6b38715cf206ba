"""A window recognises its own echo: every event says which client caused it, and by which mutation."""

from dataclasses import replace

from strawberry.types import ExecutionResult

from chat.conversation import sessions
from chat.conversation.member_fields import Personal
from chat.library import projects
from chat.scope import Once, Scope
from chat.subscriptions import streams
from db.models import RunStatus
from llm.scripted import ScriptedModel
from resolvers.root import api
from schema.context import Context
from sync.cursors import Cursor, ScopeKind
from sync.events import CaughtUp, MessageChanged, ProjectChanged, RunChanged, SessionChanged
from tests.sync import talk
from tests.sync.talk import begin, caught_up, execute, has_status


def client(scope: Scope, name: str, key: str | None = None) -> Scope:
    """The same viewer at a window with a name, doing a mutation with a key."""
    once = None if key is None else Once(key, key.encode())
    return replace(scope, viewer=replace(scope.viewer, client=name), once=once)


async def signed(scope: Scope) -> dict[str, tuple[str | None, str | None]]:
    """Who changed each row of the account last."""
    start = str(Cursor(ScopeKind.ACCOUNT, scope.viewer.id, 1, 0))
    found = {}
    async with streams.account(scope, start) as window:
        for event in await caught_up(window):
            match event:
                case ProjectChanged(_, row):
                    found["project"] = row.origin, row.mutation
                case SessionChanged(_, row, membership):
                    found[row.title or ""] = membership.origin, membership.mutation
    return found


async def test_what_happens_to_an_account_says_who_caused_it(scope: Scope) -> None:
    project = await projects.create(client(scope, "left", "k1"), "Garden")
    session_id = await begin(client(scope, "right"))
    assert await signed(scope) == {"project": ("left", "k1"), "Talk": ("right", None)}
    await projects.delete(client(scope, "right", "k2"), project.id)
    await sessions.edit(client(scope, "left", "k3"), session_id, personal=Personal(archived=True))
    assert await signed(scope) == {"project": ("right", "k2"), "Talk": ("left", "k3")}
    await sessions.edit(scope, session_id, title="Talk")
    assert await signed(scope) == {"project": ("right", "k2"), "Talk": (None, None)}


async def test_all_members_hear_who_caused_it(scope: Scope, stranger: Scope) -> None:
    session_id = await begin(scope)
    await execute(
        scope,
        "INSERT INTO memberships (session_id, user_id, role) VALUES (:session, :user, 'reader')",
        session=session_id,
        user=stranger.viewer.id,
    )
    await sessions.edit(client(scope, "left", "k1"), session_id, title="Plans")
    assert await signed(stranger) == await signed(scope) == {"Plans": ("left", "k1")}


async def test_what_happens_in_a_session_says_who_caused_it_and_the_server_is_nobody(
    scope: Scope, model: ScriptedModel
) -> None:
    session_id = await begin(scope)
    sent = await talk.ask(client(scope, "left", "k1"), session_id)
    await has_status(scope, sent.run.id, RunStatus.RUNNING)
    start = str(Cursor(ScopeKind.SESSION, session_id, 1, 0))
    async with streams.session(scope, session_id, start) as window:
        *events, end = await caught_up(window)
    assert isinstance(end, CaughtUp)
    by = {
        event.row.id: (event.row.origin, event.row.mutation)
        for event in events
        if isinstance(event, MessageChanged | RunChanged)
    }
    nobody = (None, None)  # the server began to answer
    assert by == {sent.message.id: ("left", "k1"), sent.reply.id: nobody, sent.run.id: nobody}


async def test_clients_see_it_on_every_kind_of_event(scope: Scope) -> None:
    await projects.create(client(scope, "left", "k1"), "Garden")
    start = str(Cursor(ScopeKind.ACCOUNT, scope.viewer.id, 1, 0))
    document = """subscription ($after: SyncCursor) { changes(after: $after) {
        ... on ProjectChanged { origin clientMutationId project { name } }
    } }"""
    stream = await api.stream(document, {"after": start}, Context(scope))
    first = await anext(stream)
    await stream.aclose()
    assert isinstance(first, ExecutionResult)
    assert first.data == {"changes": {"origin": "left", "clientMutationId": "k1", "project": {"name": "Garden"}}}
