"""A caller over plain HTTP, who reads every answer as it comes."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import httpx

SEND = """
mutation Send($input: SendMessageInput!) {
  sendMessage(input: $input) {
    __typename
    ... on SendMessagePayload { session { id cursor } message { id } reply { id } run { id } }
    ... on UserError { reason }
    ... on InvalidInput { field }
    ... on NotFound { what }
  }
}
"""
READ = """
query Read($id: ID!) {
  session(id: $id) {
    id title messageCount cursor
    activeRuns { id status }
    messages(first: 100) { edges { node { id role status content run { id status } } } }
  }
}
"""
SETTLED = {"COMPLETE", "ERROR", "CANCELLED", "INTERRUPTED"}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    data: Any
    errors: list[dict[str, Any]]

    @property
    def codes(self) -> list[str]:
        """The codes of the errors, in order."""
        return [error["extensions"]["code"] for error in self.errors]


class Caller:
    """Somebody at a server, with a token or without."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self.url = url

    @classmethod
    @asynccontextmanager
    async def at(cls, url: str, token: str | None = None) -> AsyncIterator[Self]:
        """A caller of the API at an address."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(timeout=30, headers=headers) as http:
            yield cls(http, url)

    async def ask(self, document: str, **variables: object) -> Answer:
        """Sends an operation."""
        return await self.ask_raw(json.dumps({"query": document, "variables": variables}))  # it escapes half pairs

    async def ask_raw(self, body: str) -> Answer:
        """Sends a request as it is written."""
        response = await self._http.post(self.url, content=body, headers={"content-type": "application/json"})
        answer = response.json()
        return Answer(response.status_code, answer.get("data"), answer.get("errors", []))

    async def get(self, document: str, **variables: object) -> Any:
        """The data of an operation that goes well."""
        answer = await self.ask(document, **variables)
        assert (answer.status, answer.errors) == (200, [])
        return answer.data

    async def change(self, mutation: str, /, **input: object) -> str:
        """Makes a mutation that takes an `input`; the type of its result."""
        type_ = f"{mutation[0].upper()}{mutation[1:]}Input"
        document = f"mutation ($input: {type_}!) {{ {mutation}(input: $input) {{ __typename }} }}"
        result: str = (await self.get(document, input=input))[mutation]["__typename"]
        return result

    async def send(self, text: str, **more: object) -> Any:
        """Sends a message that is taken; the payload."""
        sent = (await self.get(SEND, input={"text": text, **more}))["sendMessage"]
        assert sent["__typename"] == "SendMessagePayload", sent
        return sent

    async def read(self, session_id: str) -> Any:
        """A session with its first hundred messages."""
        return (await self.get(READ, id=session_id))["session"]

    async def messages(self, session_id: str) -> list[Any]:
        """The messages of a session."""
        return [edge["node"] for edge in (await self.read(session_id))["messages"]["edges"]]

    async def is_settled(self, session_id: str) -> bool:
        """Whether nothing is being written in a session."""
        return all(message["status"] in SETTLED for message in await self.messages(session_id))
