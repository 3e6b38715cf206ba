"""Answers as data, through the API."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.server.callers import Caller
from tests.server.conftest import Start
from tests.server.served import Served, until
from tests.server.windows import Window

FORMAT = {
    "type": "json_schema",
    "json_schema": {
        "name": "weather",
        "schema": {
            "$defs": {"city": {"type": "string"}},
            "type": "object",
            "properties": {"city": {"$ref": "#/$defs/city"}},
            "required": ["city"],
        },
    },
}
CREATE = """
mutation ($input: CreateAgentInput!) {
  createAgent(input: $input) {
    __typename
    ... on AgentPayload { agent { id parameters } }
    ... on InvalidInput { field reason }
  }
}
"""
SEND = """
mutation ($agent: ID!) {
  sendMessage(input: { text: "Weather?", newSession: { title: "Weather", agentId: $agent } }) {
    ... on SendMessagePayload { session { id cursor } reply { id } run { id } }
  }
}
"""
READ = """
query ($id: ID!) {
  node(id: $id) {
    ... on Message {
      status
      error { code }
      parts { __typename ... on TextPart { text } ... on DataPart { name value } }
    }
  }
}
"""


@pytest.fixture(scope="module")
async def mild(start: Start) -> AsyncIterator[Served]:
    """A server whose model says JSON."""
    async with start(model_url='scripted:?text={"city": "Oslo"}'.replace(" ", "%20")) as served:
        yield served


async def agent(caller: Caller, format: object) -> Any:
    return (await caller.get(CREATE, input={"name": "Weather", "parameters": {"response_format": format}}))[
        "createAgent"
    ]


async def test_windows_see_the_value_at_the_end_of_a_reply(mild: Served) -> None:
    async with Caller.at(mild.graphql) as caller:
        made = (await agent(caller, FORMAT))["agent"]
        assert made["parameters"] == {"response_format": FORMAT}
        sent = (await caller.get(SEND, agent=made["id"]))["sendMessage"]
        async with Window.on(mild.socket, sent["session"]["id"], after=sent["session"]["cursor"]) as window:
            await window.until(lambda shown: shown.runs[-1:] == ["COMPLETED"])
        assert window.messages[sent["reply"]["id"]]["parts"] == ['{"city": "Oslo"}', ""]
        reply = (await caller.get(READ, id=sent["reply"]["id"]))["node"]
    assert (reply["status"], reply["error"]) == ("COMPLETE", None)
    assert reply["parts"] == [
        {"__typename": "TextPart", "text": '{"city": "Oslo"}'},
        {"__typename": "DataPart", "name": "weather", "value": {"city": "Oslo"}},
    ]


async def test_an_answer_that_does_not_fit_is_told_with_a_code(mild: Served) -> None:
    async with Caller.at(mild.graphql) as caller:
        schema = {"type": "array"}
        made = await agent(caller, {"type": "json_schema", "json_schema": {"name": "weather", "schema": schema}})
        sent = (await caller.get(SEND, agent=made["agent"]["id"]))["sendMessage"]
        await until(lambda: caller.is_settled(sent["session"]["id"]))
        reply = (await caller.get(READ, id=sent["reply"]["id"]))["node"]
    assert (reply["status"], reply["error"]) == ("ERROR", {"code": "INVALID_OUTPUT"})
    assert reply["parts"] == [{"__typename": "TextPart", "text": '{"city": "Oslo"}'}]


async def test_an_agent_whose_schema_is_none_is_refused_in_words(mild: Served) -> None:
    async with Caller.at(mild.graphql) as caller:
        schema = {"properties": {"city": {"pattern": "^(?!a)"}}}
        refused = await agent(caller, {"type": "json_schema", "json_schema": {"name": "weather", "schema": schema}})
    assert refused == {
        "__typename": "InvalidInput",
        "field": "parameters",
        "reason": "The schema of 'response_format' cannot be used at '/properties/city/pattern': "
        "it is no regular expression, or one that looks around or back.",
    }
