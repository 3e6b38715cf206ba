"""Every argument that is an id: where the schema has one, and a call that uses it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
)

from resolvers.root import api
from schema.input import ID_NOTE
from tests.server.uses import MUTATIONS, REFUSALS

BATCH = "BatchedMutation"
"""What entries of a batch are made of: the mutations once more, so a call of one is an entry, too (`Call.entry`)."""


PROVIDERS = {f"appendToRun.input.events.{name}" for name in ("toolCall.id", "toolArguments.id", "toolResult.callId")}
"""Ids that models give to their calls of tools: text that names nothing but a part of the same message."""


UNKNOWN = {"session.leafId", "saveDraft.lastSentId"}
"""Ids of what a window knows, which count for nothing where they are none of the session's."""


def root(kind: str) -> Mapping[str, GraphQLField]:
    """The fields of `Query`, `Mutation` or `Subscription`."""
    found = api._schema.get_type(kind)
    assert isinstance(found, GraphQLObjectType)
    fields: Mapping[str, GraphQLField] = found.fields
    return fields


def _within(type_: GraphQLInputType, path: str, note: str | None) -> Iterator[tuple[str, bool]]:
    """The paths to ids below an argument, and whether each is of the client's making."""
    named = get_named_type(type_)
    if named is GraphQLID:
        yield path, note == ID_NOTE
    elif isinstance(named, GraphQLInputObjectType) and named.name != BATCH:
        for name, given in named.fields.items():
            yield from _within(given.type, f"{path}.{name}", given.description)


def of(path: str, given: GraphQLField) -> Iterator[tuple[str, bool]]:
    """The paths to the ids that a field takes."""
    for name, argument in given.args.items():
        yield from _within(argument.type, f"{path}.{name}", argument.description)


def of_mutations(*, made: bool) -> set[str]:
    """The paths to ids that mutations take: those that clients make, or those that name what there is."""
    found = (each for name, given in root("Mutation").items() for each in of(name, given))
    return {path for path, is_made in found if is_made is made}


def of_reads() -> set[str]:
    """The paths to ids that queries take, at the root and below."""
    types = [each for each in api._schema.type_map.values() if isinstance(each, GraphQLObjectType)]
    fields = [*root("Query").items()]
    for each in types:
        if each.name not in ("Query", "Mutation", "Subscription"):
            fields += [(f"{each.name}.{name}", given) for name, given in each.fields.items()]
    return {path for name, given in fields for path, _ in of(name, given)}


def of_subscriptions() -> set[str]:
    """The paths to ids that subscriptions take."""
    return {path for name, given in root("Subscription").items() for path, _ in of(name, given)}


@dataclass(frozen=True)
class Call:
    """A mutation with all ids that it takes together. `$session` stands for the id of somebody's session, and so on."""

    name: str
    given: Mapping[str, Any]
    result: str = ""
    """What it returns, if not the payload."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """What it returns where a path names nothing, if not `NotFound`."""
    first: tuple[str, Mapping[str, Any]] | None = None
    """Another mutation that comes before."""

    def __str__(self) -> str:
        return f"{self.name}({', '.join(sorted(path for path in self.paths)) or '…'})".replace(f"{self.name}.", "")

    @property
    def paths(self) -> Mapping[str, str]:
        """What stands at each path to an id."""
        return dict(_places(self.given, self.name))

    @property
    def payload(self) -> str:
        """What it returns when the ids are right."""
        return self.result or MUTATIONS[self.name].payload

    @property
    def document(self) -> str:
        """It, with its arguments as variables."""
        return document(self.name, self.given)

    def filled(self, ids: Mapping[str, str], path: str = "", id: object = None) -> Any:
        """The arguments with these ids, and with another one at a path."""
        return _filled(self.given, self.name, ids, path, id)

    @property
    def is_batched(self) -> bool:
        """Whether an entry of a batch can be this."""
        return self.name in _batched()

    def entry(self, filled: Mapping[str, Any]) -> Any:
        """The entry of a batch that is the same."""
        taken = get_named_type(_batched()[self.name].type)
        value = next(iter(filled.values())) if taken is GraphQLID or set(filled) == {"input"} else filled
        return {self.name: value}


def _batched() -> Mapping[str, Any]:
    found = api._schema.get_type(BATCH)
    assert isinstance(found, GraphQLInputObjectType)
    fields: Mapping[str, Any] = found.fields
    return fields


def document(name: str, given: Mapping[str, Any]) -> str:
    """A mutation, with these of its arguments as variables."""
    taken, results = root("Mutation")[name].args, get_named_type(root("Mutation")[name].type)
    assert isinstance(results, GraphQLUnionType)
    more = {
        "IdTaken": "... on IdTaken { taken: field }",
        "NotFound": "... on NotFound { what }",
        "BulkUpdateSessionsPayload": "... on BulkUpdateSessionsPayload { receipts { refusal { __typename } } }",
    }
    selected = " ".join(text for kind, text in more.items() if kind in {each.name for each in results.types})
    declared = ", ".join(f"${argument}: {taken[argument].type}" for argument in given)
    passed = ", ".join(f"{argument}: ${argument}" for argument in given)
    return f"mutation ({declared}) {{ {name}({passed}) {{ {REFUSALS} {selected} }} }}"


def _places(value: Any, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case str() if value.startswith("$"):
            yield path, value[1:]
        case Mapping():
            for name, each in value.items():
                yield from _places(each, f"{path}.{name}")
        case list():
            for each in value:
                yield from _places(each, path)


def _filled(value: Any, at: str, ids: Mapping[str, str], path: str, id: object) -> Any:
    match value:
        case str() if value.startswith("$"):
            return id if at == path else ids[value[1:]]
        case Mapping():
            return {name: _filled(each, f"{at}.{name}", ids, path, id) for name, each in value.items()}
        case list():
            return [_filled(each, at, ids, path, id) for each in value]
        case _:
            return value


def _by_id(*names: str, id: str) -> list[Call]:
    """Mutations that take an id alone."""
    return [Call(name, {"id": id}) for name in names]


CALLS = [
    *_by_id("deleteProject", id="$project"),
    *_by_id("deleteAgent", id="$helper"),
    *_by_id("deleteTemplate", id="$template"),
    *_by_id("deleteFolder", id="$folder"),
    *_by_id("markRead", "markUnread", "deleteSession", "clearSession", "restoreHistory", id="$session"),
    *_by_id("restoreSession", "purgeSession", id="$trash"),
    *_by_id("cancelRun", "takeOverRun", id="$run"),
    *_by_id("retryRun", "continueRun", id="$over"),
    Call("replyToMessage", {"id": "$message", "whenBusy": "PARALLEL"}),
    Call("createProject", {"input": {"name": "New"}}),
    Call("editProject", {"input": {"id": "$project", "name": "Renamed"}}),
    Call("createAgent", {"input": {"name": "New"}}),
    Call("editAgent", {"input": {"id": "$helper", "name": "Renamed"}}),
    Call("createTemplate", {"input": {"name": "New", "agentId": "$helper"}}),
    Call("editTemplate", {"input": {"id": "$template", "agentId": "$helper"}}),
    Call("createFolder", {"input": {"name": "New", "parentId": "$folder"}}),
    Call("editFolder", {"input": {"id": "$folder", "name": "Renamed"}}),
    Call("moveFolder", {"id": "$folder", "parentId": "$drawer"}),
    Call("moveFolder", {"id": "$folder", "beforeId": "$drawer"}, absent={"moveFolder.beforeId": "InvalidInput"}),
    Call("createSession", {"input": {"projectId": "$project", "agentId": "$helper", "templateId": "$template"}}),
    Call(
        "editSession",
        {"input": {"id": "$session", "projectId": "$project", "agentId": "$helper", "folderId": "$folder"}},
    ),
    Call(
        "bulkUpdateSessions",
        {"input": {"ids": ["$session"], "projectId": "$project", "folderId": "$folder", "starred": True}},
        absent=dict.fromkeys(
            (f"bulkUpdateSessions.input.{name}" for name in ("ids", "projectId", "folderId")),
            "BulkUpdateSessionsPayload",
        ),
    ),
    Call("moveSession", {"id": "$session", "beforeId": "$second"}),
    Call("saveDraft", {"id": "$session", "text": "Dear all,"}),
    Call("setSessionState", {"id": "$session", "values": {"panel": "open"}}),
    Call("setTyping", {"id": "$session", "typing": True}),
    Call(  # a model that never answers is not asked where a person has written
        "summarizeSession",
        {"id": "$session"},
        result="NotAllowed",
        first=("editSession", {"input": {"id": "$session", "summary": "Mine"}}),
    ),
    Call(
        "sendMessage",
        {"input": {"text": "Well?", "reply": False, "sessionId": "$session", "parentId": "$message"}},
        absent={"sendMessage.input.parentId": "InvalidInput"},
    ),
    Call(
        "sendMessage",
        {
            "input": {
                "text": "Well?",
                "reply": False,
                "newSession": {"projectId": "$project", "agentId": "$helper", "templateId": "$template"},
            }
        },
    ),
    Call("editMessage", {"input": {"messageId": "$message", "text": "Otherwise", "reply": False}}),
    Call("reviseMessage", {"input": {"id": "$message", "text": "Otherwise"}}),
    Call("chooseBranch", {"id": "$session", "messageId": "$message"}),
    Call("forkSession", {"input": {"sessionId": "$session", "messageId": "$message"}}),
    Call("deleteMessages", {"input": {"sessionId": "$session", "id": "$message", "scope": "SUBTREE"}}),
    Call("restoreMessages", {"input": {"sessionId": "$session", "id": "$message", "scope": "SUBTREE"}}),
    Call("setReaction", {"id": "$message", "emoji": "+1"}),
    Call("setFeedback", {"id": "$message", "rating": "GOOD"}),
    Call("annotateMessage", {"input": {"messageId": "$message", "text": "Really?"}}),
    Call(
        "removeAnnotation",
        {"messageId": "$message", "id": "$annotation"},
        absent={"removeAnnotation.id": "MessagePayload"},  # what is gone stays gone
    ),
    Call("setCompaction", {"id": "$message", "text": "In short"}),
    Call("startRun", {"input": {"messageId": "$message", "agentId": "$helper", "whenBusy": "PARALLEL"}}),
    Call("appendToRun", {"input": {"id": "$run", "epoch": 1, "fromSeq": 1, "events": [{"text": "Well"}]}}),
    Call("finishRun", {"input": {"id": "$run", "epoch": 1, "lastSeq": 0}}),
    Call("awaitInput", {"input": {"id": "$run", "epoch": 1, "text": "May I?"}}),
    Call("editQueuedRun", {"id": "$queued", "text": "Better"}),
    Call("moveQueuedRun", {"id": "$later", "beforeId": "$queued"}, absent={"moveQueuedRun.beforeId": "InvalidInput"}),
    Call(
        "answerRun",
        {"id": "$asking", "questionId": "$question", "answer": {"yes": True}},
        absent={"answerRun.questionId": "InvalidInput"},
    ),
]

_SESSION = "query ($session: ID!, $id: ID!) {{ session(id: $session) {{ {field} }} }}"
_LISTED = "query ($id: ID!) {{ sessions(filter: {{{field}: $id}}) {{ totalCount edges {{ node {{ id }} }} }} }}"


def _one(name: str) -> str:
    return f"query ($id: ID!) {{ {name}(id: $id) {{ __typename id }} }}"


READS: Mapping[str, tuple[str, str]] = {
    "project.id": (_one("project"), "project"),
    "agent.id": (_one("agent"), "helper"),
    "session.id": (_one("session"), "session"),
    "template.id": (_one("template"), "template"),
    "folder.id": (_one("folder"), "folder"),
    "message.id": (_one("message"), "message"),
    "run.id": (_one("run"), "run"),
    "node.id": (_one("node"), "helper"),
    "nodes.ids": ("query ($id: ID!) { nodes(ids: [$id]) { __typename id } }", "run"),
    "sessions.filter.projectId": (_LISTED.format(field="projectId"), "project"),
    "sessions.filter.agentId": (_LISTED.format(field="agentId"), "helper"),
    "sessions.filter.folderId": (_LISTED.format(field="folderId"), "folder"),
    "Session.messages.throughId": (
        _SESSION.format(field="messages(first: 9, throughId: $id) { edges { node { id } } }"),
        "message",
    ),
    "Session.turns.throughId": (
        _SESSION.format(field="turns(first: 9, throughId: $id) { edges { node { question { id } } } }"),
        "message",
    ),
    "Session.around.messageId": (_SESSION.format(field="around(messageId: $id) { edges { node { id } } }"), "message"),
}
"""A query for each, and which id it takes as `$id`."""
