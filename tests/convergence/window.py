"""A window that starts from one fetch and knows from then on only what its streams tell it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Any

from strawberry.types import ExecutionResult

from chat.scope import Scope
from resolvers.root import api
from schema.context import Context
from tests.repeating.asking import ask

type State = dict[str, dict[str, Any]]

PART = """
    fragment P on Part {
        __typename index
        ... on TextPart { text } ... on ReasoningPart { text } ... on ToolCallPart { callId name arguments }
        ... on ToolResultPart { callId name content isError } ... on DataPart { name value }
    }
"""
MESSAGE = (
    PART
    + """
    fragment M on Message { id parentId role status content metadata version deletedAt
        compaction { text messageCount source createdAt }
        reactions { emoji userIds } feedback { userId rating comment } annotations { id text range { start } }
        error { code reason } parts { ...P } }
"""
)
RUN = "fragment R on Run { id runStatus: status epoch cancelRequested question { text answer } usage { outputTokens } }"
PROJECT = "fragment J on Project { id name metadata stages { name status } version }"
FOLDER = "fragment F on Folder { id name parentId position version }"
TEMPLATE = "fragment T on Template { id name instructions messages { role text } begins version }"
AGENT = "fragment A on Agent { id name description instructions parameters activeSessions whenFull version shared }"
SESSION = """
    fragment S on Session { id title titleSource metadata version messageCount lastMessagePreview archivedAt
        state summary { text messageCount source } pinnedAt starredAt folderId tags position draft lastSentId unread
        unreadCount leafId branchChosen forkedFrom { messageId } project { id } agent { id } }
"""
WATCH = (
    """
    subscription ($id: ID!, $after: SyncCursor, $leafId: ID) {
        session(id: $id, after: $after, leafId: $leafId) {
            __typename
            ... on BranchChanged { leafId branchChosen } ... on SiblingsChanged { parentId ids }
            ... on MessageChanged { cursor message { ...M } } ... on MessageDeleted { cursor id }
            ... on RunChanged { cursor run { ...R } }
            ... on PartChanged { messageId part { ...P } } ... on TextDelta { messageId index offset text }
            ... on CaughtUp { cursor } ... on Reset { reason }
        }
    }
"""
    + MESSAGE
    + RUN
)
COUNTS = "fragment C on SessionCounts { total unread running pinned starred archived }"
CHANGES = (
    """
    subscription ($after: SyncCursor) {
        changes(after: $after, counts: true) {
            __typename
            ... on CountsChanged {
                active { ...C } archived { ...C } trash tags { name sessionCount unreadCount }
                folders { ...N } projects { ...N } agents { id sessionCount }
            }
            ... on ProjectChanged { cursor project { ...J } } ... on ProjectDeleted { cursor id }
            ... on AgentChanged { cursor agent { ...A } } ... on AgentDeleted { cursor id }
            ... on FolderChanged { cursor folder { ...F } } ... on FolderDeleted { cursor id }
            ... on TemplateChanged { cursor template { ...T } } ... on TemplateDeleted { cursor id }
            ... on SessionChanged { cursor session { ...S } } ... on SessionDeleted { cursor id }
            ... on CaughtUp { cursor } ... on Reset { reason }
        }
    }
"""
    + "fragment N on Tally { id sessionCount unreadCount }"
    + COUNTS
    + PROJECT
    + AGENT
    + FOLDER
    + TEMPLATE
    + SESSION
)
BADGES = (
    """
    query {
        active: sessions(filter: { archived: false }) { counts { ...C } }
        archived: sessions(filter: { archived: true }) { counts { ...C } }
        trash { totalCount }
        viewer { tags { name sessionCount unreadCount } }
        folders { id sessionCount unreadCount }
        projects(first: 100) { edges { node { id sessionCount unreadCount } } }
        agents(first: 100) { edges { node { id sessionCount } } }
    }
"""
    + COUNTS
)
ACCOUNT = (
    """
    query {
        projects(first: 100) { edges { node { ...J } } }
        agents(first: 100) { edges { node { ...A } } }
        folders { ...F }
        templates { ...T }
        sessions(first: 100) { edges { node { ...S } } }
    }
"""
    + PROJECT
    + AGENT
    + FOLDER
    + TEMPLATE
    + SESSION
)
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { ...M ...R } }" + MESSAGE + RUN


async def account(scope: Scope) -> State:
    """A fresh fetch of an account."""
    data = await ask(scope, ACCOUNT)
    whole = {kind: {each["id"]: each for each in data.pop(kind)} for kind in ("folders", "templates")}
    lists = {kind: {edge["node"]["id"]: edge["node"] for edge in data[kind]["edges"]} for kind in data}
    return {**lists, **whole}


async def badges(scope: Scope) -> dict[str, Any]:
    """What badges say, as a fresh fetch gives it: what has no sessions is left out."""
    data = await ask(scope, BADGES)
    lists = {kind: [edge["node"] for edge in data[kind]["edges"]] for kind in ("projects", "agents")}
    found = {**lists, "folders": data["folders"], "tags": data["viewer"]["tags"]}
    return {
        **{kind: data[kind]["counts"] for kind in ("active", "archived")},
        "trash": data["trash"]["totalCount"],
        **{kind: [each for each in rows if each["sessionCount"]] for kind, rows in found.items()},
    }


PATH = """
    query ($id: ID!) { session(id: $id) {
        leafId branchChosen messages(last: 100) { edges { node { id parentId siblings { ids } } } }
    } }
"""


async def path(scope: Scope, session_id: str) -> tuple[Any, list[str], dict[str, list[str]]]:
    """The branch that is seen, its messages, and what stands beside each, as a fresh fetch gives them."""
    session = (await ask(scope, PATH, id=session_id))["session"]
    shown = [edge["node"] for edge in session["messages"]["edges"]]
    beside = {message["id"]: message["siblings"]["ids"] for message in shown}
    return (session["leafId"], session["branchChosen"]), [message["id"] for message in shown], beside


async def nodes(scope: Scope, ids: list[str]) -> dict[str, Any]:
    """A fresh fetch of messages and runs."""
    found: dict[str, Any] = {}
    for start in range(0, len(ids), 100):
        for node in (await ask(scope, NODES, ids=ids[start : start + 100]))["nodes"]:
            if node:
                found[node["id"]] = node
    return found


class Window:
    """Two streams, of the account and of one session, that may break and go on after their cursors."""

    def __init__(self, scope: Scope, session_id: str, known: State, cursors: dict[str, str]) -> None:
        self.scope = scope
        self.session_id = session_id
        self.known: State = {kind: dict(rows) for kind, rows in known.items()} | {"messages": {}, "runs": {}}
        self.cursors = cursors
        self.branch: tuple[str | None, bool] | None = None
        self.siblings: dict[str | None, list[str]] = {}
        self.counts: dict[str, Any] = {}
        self.resets: list[str] = []
        self._streams: list[asyncio.Task[None]] = []

    @property
    def connected(self) -> bool:
        """Whether the streams are open."""
        return bool(self._streams)

    def connect(self) -> None:
        """Opens both streams after the cursors."""
        leaf_id = self.branch[0] if self.branch else None
        self._streams = [
            asyncio.create_task(self._follow("session", WATCH, id=self.session_id, leafId=leaf_id)),
            asyncio.create_task(self._follow("changes", CHANGES)),
        ]

    async def disconnect(self) -> None:
        """Breaks both streams, wherever they are. Raises what went wrong in them."""
        streams, self._streams = self._streams, []
        for stream in streams:
            stream.cancel()
            with suppress(asyncio.CancelledError):
                await stream

    async def _follow(self, field: str, document: str, **variables: Any) -> None:
        async for event in self._events(document, {**variables, "after": self.cursors[field]}):
            self.cursors[field] = event[field].get("cursor", self.cursors[field])
            self._take(event[field])

    async def _events(self, document: str, variables: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        async with aclosing(await api.stream(document, variables, Context(self.scope))) as results:
            async for result in results:
                assert isinstance(result, ExecutionResult)
                assert not result.errors, result.errors
                assert result.data is not None
                yield result.data

    @property
    def path(self) -> list[str]:
        """The messages from the first to the last that is seen."""
        found: list[str] = []
        following = self.branch[0] if self.branch else None
        while following is not None:
            found.append(following)
            following = self.known["messages"][following]["parentId"]
        return found[::-1]

    def beside(self, message_id: str) -> list[str]:
        """What follows the same message as this one."""
        return self.siblings.get(self.known["messages"][message_id]["parentId"], [message_id])

    def _take(self, event: dict[str, Any]) -> None:
        match event["__typename"]:
            case "MessageChanged":
                self.known["messages"][event["message"]["id"]] = event["message"]
            case "RunChanged":
                self.known["runs"][event["run"]["id"]] = event["run"]
            case "PartChanged":
                self._put(self.known["messages"][event["messageId"]], event["part"])
            case "TextDelta":
                self._append(self.known["messages"][event["messageId"]], event)
            case "ProjectChanged":
                self.known["projects"][event["project"]["id"]] = event["project"]
            case "AgentChanged":
                self.known["agents"][event["agent"]["id"]] = event["agent"]
            case "FolderChanged":
                self.known["folders"][event["folder"]["id"]] = event["folder"]
            case "TemplateChanged":
                self.known["templates"][event["template"]["id"]] = event["template"]
            case "SessionChanged":
                self.known["sessions"][event["session"]["id"]] = event["session"]
            case (
                "ProjectDeleted"
                | "AgentDeleted"
                | "FolderDeleted"
                | "TemplateDeleted"
                | "SessionDeleted"
                | "MessageDeleted"
            ) as kind:
                self.known[kind.removesuffix("Deleted").lower() + "s"].pop(event["id"], None)
                left = {parent: [id for id in ids if id != event["id"]] for parent, ids in self.siblings.items()}
                self.siblings = {parent: ids for parent, ids in left.items() if ids}
            case "Reset":
                self.resets.append(event["reason"])
            case _:
                self._see(event)

    def _see(self, event: dict[str, Any]) -> None:
        match event["__typename"]:
            case "BranchChanged":
                self.branch = (event["leafId"], event["branchChosen"])
                assert len(self.path) > 0 or event["leafId"] is None
            case "SiblingsChanged":
                self.siblings[event["parentId"]] = event["ids"]
            case "CountsChanged":
                self.counts = {kind: value for kind, value in event.items() if kind != "__typename"}

    def _put(self, message: dict[str, Any], part: dict[str, Any]) -> None:
        assert part["index"] == len(message["parts"]), "a part came twice, or too early"
        message["parts"] = [*message["parts"], part]
        self._read(message)

    def _append(self, message: dict[str, Any], delta: dict[str, Any]) -> None:
        part = dict(message["parts"][delta["index"]])
        key = "arguments" if part["__typename"] == "ToolCallPart" else "text"
        assert delta["offset"] == len(part[key].encode("utf-16-le")) // 2, "text came twice, or is missing"
        part[key] += delta["text"]
        message["parts"] = [part if each["index"] == part["index"] else each for each in message["parts"]]
        self._read(message)

    def _read(self, message: dict[str, Any]) -> None:
        texts = [part["text"] for part in message["parts"] if part["__typename"] == "TextPart"]
        message["content"] = "\n\n".join(texts)
