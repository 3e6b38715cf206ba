"""Processes of one machine tell which of them are dead, and judge nobody else."""

from chat.runs import neighbours
from db.models import RunStatus
from tests.conftest import Server, viewer_of
from tests.runs.work import taken
from tests.sync.talk import PATIENT, at, execute, has_status


def test_a_sign_is_there_for_as_long_as_its_process() -> None:
    with neighbours.sign() as one, neighbours.sign() as other:
        assert one != other
        assert neighbours.dead([one, other]) == []
    assert neighbours.dead([one, other]) == [one, other]


def test_who_lives_elsewhere_is_not_judged() -> None:
    with neighbours.sign() as name:
        pass
    own, _, here = name.partition("@")
    assert here == neighbours.place()
    assert neighbours.dead([own, f"{own}@elsewhere", f"app:{name}", f"{name}x"]) == []


async def test_runs_of_a_dead_neighbour_are_ended_whatever_their_lease_says(server: Server) -> None:
    """But not those of producers elsewhere, nor an app's."""
    async with server.process(produces=False, timing=PATIENT) as lost:
        scope = await viewer_of(lost)
        runs = [(await taken(scope))[1] for _ in range(4)]
        with neighbours.sign() as dead:
            pass
        names = [dead, f"{dead}x", lost.process.id, f"app:{dead}"]
        for run, name in zip(runs, names, strict=True):
            await execute(scope, "UPDATE runs SET producer = :name WHERE id = :id", name=name, id=run.id)
        async with server.process(produces=False) as other:
            await has_status(at(scope, other), runs[0].id, RunStatus.INTERRUPTED)
            for run in runs[1:]:
                await has_status(scope, run.id, RunStatus.RUNNING)


async def test_a_start_looks_for_dead_neighbours_at_once(server: Server) -> None:
    """The next look would be a minute later."""
    async with server.process(produces=False, timing=PATIENT) as lost:
        scope = await viewer_of(lost)
        _, run = await taken(scope)
        with neighbours.sign() as dead:
            pass
        await execute(scope, "UPDATE runs SET producer = :name WHERE id = :id", name=dead, id=run.id)
        async with server.process(produces=False, timing=PATIENT):
            await has_status(scope, run.id, RunStatus.INTERRUPTED)
