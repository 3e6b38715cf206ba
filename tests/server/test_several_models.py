"""A server with several model providers: who answers, what clients can choose from, and another file while it runs."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

import engines
from tests.conftest import empty_database
from tests.llm.test_anthropic import said
from tests.llm.test_anthropic import stream as stream_anthropic
from tests.llm.test_openai import chunk, stream
from tests.llm.upstream import Exchange, Upstream, listening
from tests.server.callers import Caller
from tests.server.conftest import Start
from tests.server.served import Served, group, run, until
from tests.server.tokens import SECRET, token
from tests.server.windows import Window

KEY = "sk-hush-1234567890"
MODELS = "{ models { id provider name context images tools reasoning prices { currency input output } isDefault } }"
CREATE = """mutation ($input: CreateAgentInput!) { createAgent(input: $input) {
  __typename ... on AgentPayload { agent { id } } ... on InvalidInput { field } ... on UserError { reason } } }"""
RUN = "query ($id: ID!) { run(id: $id) { status provider model error { code reason } } }"


async def gpt(exchange: Exchange) -> None:
    if exchange.path == "/v1/models":
        await exchange.send(200, json.dumps({"data": [{"id": "gpt-5"}, {"id": "vendor/new"}]}).encode())
    elif exchange.body["model"] == "down":
        await exchange.refuse(503, {"error": {"message": f"No room for {KEY}"}})
    else:
        await stream(exchange, chunk({"content": "I am G."}), chunk({}, "stop"))


async def claude(exchange: Exchange) -> None:
    if exchange.path.startswith("/v1/models"):
        await exchange.refuse(404, {"type": "error", "error": {"type": "not_found_error", "message": KEY}})
    else:
        await stream_anthropic(exchange, [said("I am C.")], "end_turn")


class Place:
    """A folder with the file, and the providers that it names."""

    def __init__(self, folder: Path, gpt: Upstream, claude: Upstream) -> None:
        self.file = folder / "models.toml"
        self.gpt = gpt
        self.claude = claude
        (folder / "gpt.key").write_text(f"{KEY}\n")

    def write(self, *names: str, more: str = "") -> None:
        """Puts a file with these providers in the place of the former, at once."""
        tables = {
            "gpt": f"""
[providers.gpt]
dialect = "openai"
url = "{self.gpt.url}"
key = {{ file = "gpt.key" }}
grace = 0
[[providers.gpt.models]]
name = "gpt-5"
context = 400_000
images = true
prices = {{ input = 1.25, output = 10 }}
[[providers.gpt.models]]
name = "down"
fallbacks = ["claude/c-1"]
""",
            "claude": f"""
[providers.claude]
dialect = "anthropic"
url = "{self.claude.root}"
headers = {{ x-secret = {{ env = "CLAUDE_KEY" }} }}
key = {{ env = "CLAUDE_KEY" }}
model = "c-1"
""",
        }
        new = self.file.with_suffix(".new")
        new.write_text(more + "".join(tables[name] for name in names))
        new.replace(self.file)


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setenv("CLAUDE_KEY", KEY)
    async with listening(Upstream(answer=gpt)) as one, listening(Upstream(answer=claude)) as two:
        place = Place(tmp_path, one, two)
        place.write("gpt", "claude")
        yield place


async def ended(caller: Caller, sent: Any) -> Any:
    """A run once it is over."""
    await until(lambda: caller.is_settled(sent["session"]["id"]), seconds=30)
    return (await caller.get(RUN, id=sent["run"]["id"]))["run"]


async def agent(caller: Caller, **input: object) -> str:
    made = (await caller.get(CREATE, input={"name": "A", **input}))["createAgent"]
    id_: str = made["agent"]["id"]
    return id_


async def answer(caller: Caller, agent_id: str) -> tuple[str, Any]:
    """What an agent answers, and its run."""
    sent = await caller.send("Who are you?", newSession={"agentId": agent_id})
    run = await ended(caller, sent)
    return (await caller.messages(sent["session"]["id"]))[1]["content"], run


def known(id: str, provider: str, name: str, **more: object) -> dict[str, object]:
    nothing = dict.fromkeys(("context", "images", "tools", "reasoning", "prices"))
    return {"id": id, "provider": provider, "name": name, **nothing, "isDefault": False, **more}


async def test_everybody_is_told_what_there_is_to_choose_from_and_no_secret(start: Start, place: Place) -> None:
    async with (
        start(models_file=place.file, jwt_secret=SECRET) as served,
        Caller.at(served.graphql, token("ada")) as ada,
        Caller.at(served.graphql, token("eve")) as eve,
        Caller.at(served.graphql) as nobody,
    ):
        await until(lambda: lists(ada, "gpt/vendor/new"))
        mine, theirs = await ada.ask(MODELS), await eve.ask(MODELS)
        outside = await nobody.ask(MODELS)
    prices = {"currency": "USD", "input": 1.25, "output": 10.0}
    assert mine.data["models"] == [
        known("gpt/gpt-5", "gpt", "gpt-5", context=400_000, images=True, prices=prices, isDefault=True),
        known("gpt/down", "gpt", "down"),
        known("gpt/vendor/new", "gpt", "vendor/new"),
        known("claude/c-1", "claude", "c-1"),
    ]
    assert theirs.data == mine.data
    assert (outside.data, outside.codes) == (None, ["UNAUTHENTICATED"])
    assert "hush" not in json.dumps(mine.data) + served.log.read_text()
    assert str(place.gpt.port) not in json.dumps(mine.data)


async def lists(caller: Caller, id: str) -> bool:
    return id in [model["id"] for model in (await caller.get(MODELS))["models"]]


async def test_each_agent_has_its_provider_and_a_fallback_answers_once(start: Start, place: Place) -> None:
    async with start(models_file=place.file) as served, Caller.at(served.graphql) as caller:
        by_provider = await answer(caller, await agent(caller, provider="claude"))
        by_prefix = await answer(caller, await agent(caller, model="claude/c-2"))
        slashes = await answer(caller, await agent(caller, provider="gpt", model="claude/c-2"))
        default = await answer(caller, await agent(caller))

        falling = await agent(caller, model="gpt/down")
        sent = await caller.send("Hello", newSession={"agentId": falling})
        id_ = sent["session"]["id"]
        async with Window.on(served.socket, id_) as window, Window.on(served.socket, id_) as other:
            for each in (window, other):
                await each.until(lambda shown: shown.reply == "I am C.", seconds=30)
        fallen = await ended(caller, sent)
    fine = {"status": "COMPLETED", "error": None}
    assert by_provider == ("I am C.", fine | {"provider": "claude", "model": by_provider[1]["model"]})
    assert (by_prefix[0], by_prefix[1]["provider"]) == ("I am C.", "claude")
    assert slashes == ("I am G.", fine | {"provider": "gpt", "model": "m"})
    assert default == ("I am G.", fine | {"provider": "gpt", "model": "m"})
    assert (fallen["status"], fallen["provider"]) == ("COMPLETED", "claude")
    asked = [(exchange.path, exchange.body.get("model")) for exchange in place.gpt.asked]
    assert ("/v1/chat/completions", "claude/c-2") in asked
    assert {exchange.headers["x-secret"] for exchange in place.claude.asked} == {KEY}


@pytest.mark.parametrize(
    ("input", "field", "reason"),
    [
        ({"provider": "gone"}, "provider", "The model provider 'gone' is not set up. Set up: gpt, claude."),
        (
            {"provider": "claude", "parameters": {"temperature": 1.5}},
            "parameters",
            "The model provider 'claude' takes a `temperature` from 0 to 1. Change the parameter, or leave it out.",
        ),
        (
            {"model": "claude/c-2", "parameters": {"seed": 5}},
            "parameters",
            "The model provider 'claude' takes no `seed`. Change the parameter, or leave it out.",
        ),
    ],
)
async def test_what_cannot_answer_is_refused_when_it_is_made_and_when_it_is_changed(
    several: Caller, input: dict[str, Any], field: str, reason: str
) -> None:
    refusal = {"__typename": "InvalidInput", "field": field, "reason": reason}
    assert await several.get(CREATE, input={"name": "A", **input}) == {"createAgent": refusal}

    edit = CREATE.replace("Create", "Edit").replace("createAgent", "editAgent")
    id_ = await agent(several)
    assert await several.get(edit, input={"id": id_, **input}) == {"editAgent": refusal}
    for name, value in input.items():  # what is wrong together is found where the other half comes second
        last = (await several.get(edit, input={"id": id_, name: value}))["editAgent"]
    assert last == refusal


@pytest.fixture
async def several(start: Start, place: Place) -> AsyncIterator[Caller]:
    async with start(models_file=place.file) as served, Caller.at(served.graphql) as caller:
        yield caller


async def test_another_file_is_in_force_after_sighup_and_what_runs_goes_on(start: Start, place: Place) -> None:
    go_on = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        if exchange.path == "/v1/models":
            await gpt(exchange)
            return
        await exchange.begin()
        await exchange.event(chunk({"content": "Still "}))
        await go_on.wait()
        await exchange.event(chunk({"content": "G."}))
        await exchange.event(chunk({}, "stop"))
        await exchange.event("[DONE]")
        await exchange.end()

    place.gpt.answer = slow
    async with start(models_file=place.file, may_complain=True) as served, Caller.at(served.graphql) as caller:
        mine = await agent(caller, provider="gpt")
        sent = await caller.send("Who are you?", newSession={"agentId": mine})
        async with Window.on(served.socket, sent["session"]["id"]) as window:
            await window.until(lambda shown: shown.reply == "Still ")
            place.write("claude")
            served.process.send_signal(signal.SIGHUP)
            await until(lambda: has_only(caller, "claude"))
            go_on.set()
            await window.until(lambda shown: shown.runs[-1:] == ["COMPLETED"])
            assert window.reply == "Still G."

        assert (await answer(caller, await agent(caller)))[0] == "I am C."
        refused = (await caller.get(CREATE, input={"name": "A", "provider": "gpt"}))["createAgent"]
        assert refused["reason"] == "The model provider 'gpt' is not set up. Set up: claude."
        error = (await answer(caller, mine))[1]["error"]
        assert error == {"code": "NOT_CONFIGURED", "reason": "The model provider 'gpt' is not set up. Set up: claude."}
        rename = 'mutation ($id: ID!) { editAgent(input: {id: $id, name: "B"}) { __typename } }'
        assert await caller.get(rename, id=mine) == {"editAgent": {"__typename": "AgentPayload"}}

        place.write("gpt", more="defualt = 'gpt'\n")
        served.process.send_signal(signal.SIGHUP)
        await until(lambda: logs(served, "There is no `defualt`. Did you mean `default`?"))
        assert await has_only(caller, "claude")
        place.write("gpt", "claude")
        served.process.send_signal(signal.SIGHUP)
        await until(lambda: lists(caller, "gpt/gpt-5"))
    assert "The model providers stay as they were." in served.log.read_text()
    assert "hush" not in served.log.read_text()


async def has_only(caller: Caller, provider: str) -> bool:
    return {model["provider"] for model in (await caller.get(MODELS))["models"]} == {provider}


async def logs(served: Served, words: str) -> bool:
    return words in served.log.read_text()


async def test_every_process_of_a_server_follows_and_a_new_one_has_what_was_accepted(
    start: Start, place: Place
) -> None:
    async with start(models_file=place.file, workers=2, may_complain=True) as served:
        place.write("claude")
        served.process.send_signal(signal.SIGHUP)
        await until(lambda: everywhere(served, "claude"), seconds=60)

        place.write("gpt", more="nonsense")
        served.process.send_signal(signal.SIGHUP)
        await until(lambda: logs(served, "this is no TOML"))
        workers = children(served)
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        await until(lambda: replaced(served, workers), seconds=60)
        await until(lambda: everywhere(served, "claude"), seconds=60)
        assert "Child process" not in served.log.read_text()


async def test_sighup_while_a_server_starts_or_ends_does_no_harm(start: Start, place: Place) -> None:
    def another(process: asyncio.subprocess.Process) -> None:
        place.write("claude")
        process.send_signal(signal.SIGHUP)

    async with start(models_file=place.file, when_announced=another) as served, Caller.at(served.graphql) as caller:
        assert await has_only(caller, "claude")
        served.ask_to_end()
        ending = asyncio.create_task(served.ended(30))
        while not ending.done():
            with suppress(ProcessLookupError):
                served.process.send_signal(signal.SIGHUP)
            await asyncio.sleep(0.001)
        assert await ending == 0


async def test_a_process_that_is_just_starting_follows_too(start: Start, place: Place) -> None:
    async with start(models_file=place.file, workers=2) as served:
        workers = children(served)
        os.kill(workers[0], signal.SIGKILL)
        await until(lambda: replaced(served, workers), seconds=60)
        place.write("claude")
        served.process.send_signal(signal.SIGHUP)
        followed = children(served)
        await until(lambda: everywhere(served, "claude"), seconds=60)
        assert children(served) == followed


def children(served: Served) -> list[int]:
    """The server processes of a server, without what else it has started."""
    found = []
    for pid in group(served.process.pid):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"spawn_main" in command:
            found.append(pid)
    return found


async def replaced(served: Served, before: list[int]) -> bool:
    now = children(served)
    return len(now) == 2 and now != before


async def everywhere(served: Served, provider: str) -> bool:
    """Whether many connections in a row, which the kernel spreads, find this provider alone."""
    for _ in range(12):
        async with AsyncExitStack() as stack:
            callers = [await stack.enter_async_context(Caller.at(served.graphql)) for _ in range(4)]
            if not all([await has_only(caller, provider) for caller in callers]):
                return False
    return True


async def test_other_commands_work_beside_the_file(urls: engines.Urls, place: Place) -> None:
    async with empty_database(urls.database) as database:
        done = await run("migrate", database_url=database, models_file=place.file)
    assert done == (0, "The database is up to date.\n", "")


async def test_a_file_that_cannot_be_used_is_told_at_the_start(place: Place) -> None:
    place.write("gpt", "claude", more="default = 'cloude'\n")
    nothing = {"database_url": "postgresql:///none", "redis_url": "redis://127.0.0.1:1"}
    code, output, errors = await run("serve", **nothing, models_file=place.file)
    assert (code, output) == (1, "")
    assert errors == (
        "Error: The file of the model providers cannot be used.\n"
        f"{place.file}: `default` names the provider 'cloude', which is not here. Here are: gpt, claude.\n"
    )
    code, _, errors = await run("serve", **nothing, models_file=place.file, model_key=KEY)
    assert code == 1
    assert errors.startswith(
        "Error: A setting cannot be used.\nTRANSOM_MODELS_FILE is set, and so is TRANSOM_MODEL_KEY."
    )
    assert KEY not in errors
