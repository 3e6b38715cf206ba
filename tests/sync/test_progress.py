"""How far a model has read: told to all windows of a session, wherever they are, until the reply begins."""

from collections.abc import Sequence

from db.models import RunStatus
from llm.events import Progress
from llm.scripted import ScriptedModel
from sync.events import Event, RunProgress
from tests.conftest import Server, viewer_of
from tests.sync.client import agree, watching
from tests.sync.talk import PATIENT, ask, at, begin


def told(events: Sequence[Event]) -> list[tuple[int, int]]:
    return [(event.read, event.total) for event in events if isinstance(event, RunProgress)]


async def test_windows_at_two_processes_see_how_far_a_model_has_read(server: Server, model: ScriptedModel) -> None:
    async with server.process(timing=PATIENT) as one, server.process(timing=PATIENT, produces=False) as other:
        scope = await viewer_of(one)
        session_id = await begin(scope)
        async with watching(scope, session_id) as here, watching(at(scope, other), session_id) as there:
            sent = await ask(scope, session_id)
            for window in (here, there):  # of a run that is not known there, nobody is told how far it is
                await window.run_is(sent.run.id, RunStatus.RUNNING)
            await model.give(Progress(0, 900), Progress(256, 900))
            await here.until(lambda client: (256, 900) in told(client.told))
            await there.until(lambda client: (256, 900) in told(client.told))
            await model.say("Yes.")
            await model.give(Progress(900, 900))
            await model.say(" It is.", end=True)
            await here.over(sent.run.id)
            await there.over(sent.run.id)
            assert (900, 900) not in told([*here.told, *there.told])
            await agree(scope, session_id, here)
