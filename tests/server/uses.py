"""One use of every root field, written over the ids of what somebody has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

from tests.server.callers import Caller


@dataclass(frozen=True)
class Use:
    """A document and its variables, in which `$session` stands for the id of somebody's session, and so on."""

    document: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    payload: str = ""
    """The type that a mutation returns when it goes well."""
    names: str = ""
    """The argument that is at fault when the ids are garbage, where it is not `id`."""

    def filled(self, ids: Mapping[str, Any]) -> Any:
        """The variables with these ids."""
        return _filled(self.variables, ids)

    @property
    def ids(self) -> set[str]:
        """The ids that it needs."""
        return set(_placeholders(self.variables))


def _filled(value: Any, ids: Mapping[str, Any]) -> Any:
    match value:
        case str() if value.startswith("$"):
            return ids[value[1:]]
        case Mapping():
            return {name: _filled(each, ids) for name, each in value.items()}
        case list():
            return [_filled(each, ids) for each in value]
        case _:
            return value


def _placeholders(value: Any) -> list[str]:
    match value:
        case str() if value.startswith("$"):
            return [value[1:]]
        case Mapping():
            return [name for each in value.values() for name in _placeholders(each)]
        case list():
            return [name for each in value for name in _placeholders(each)]
        case _:
            return []


def by_id(name: str, selection: str) -> Use:
    """A query for one thing."""
    return Use(f"query ($id: ID!) {{ {name}(id: $id) {{ {selection} }} }}", {"id": f"${name}"})


QUERIES = {
    "viewer": Use(
        "{ viewer { id name email cursor limits { sessions { limit used } } tags { name sessionCount unreadCount } } }"
    ),
    "project": by_id("project", "id name metadata"),
    "projects": Use("{ projects { totalCount edges { node { id name } } } }"),
    "agent": by_id("agent", "id name shared parameters"),
    "agents": Use("{ agents { totalCount edges { node { id name } } } }"),
    "models": Use("{ models { id provider name context prices { currency input } isDefault } }"),
    "session": by_id(
        "session",
        "id title role project { id } activeRuns { id } messages { totalCount edges { node { id content } } }",
    ),
    "sessions": Use(
        """query ($project: ID) { sessions(filter: {projectId: $project}) {
        totalCount cursor counts { total unread running pinned starred archived }
        edges { node { id title lastMessagePreview project { id } } } } }""",
        {"project": "$project"},
        names="filter.projectId",
    ),
    "template": by_id("template", "id name agent { id } title instructions messages { role text } begins metadata"),
    "templates": Use("{ templates { id name messages { text } } }"),
    "folder": by_id("folder", "id name parentId position sessionCount unreadCount"),
    "folders": Use("{ folders { id name parentId } }"),
    "trash": Use("{ trash { totalCount edges { node { id title deletedAt } } } }"),
    "message": by_id("message", "id content role parts { index } run { id }"),
    "run": by_id("run", "id status message { id content }"),
    "node": Use("query ($id: ID!) { node(id: $id) { __typename id ... on Message { content } } }", {"id": "$message"}),
    "nodes": Use(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }",
        {"ids": ["$project", "$session", "$message", "$run"]},
        names="ids",
    ),
}

REFUSALS = "__typename ... on UserError { reason } ... on InvalidInput { field }"


def mutation(
    name: str, type_: str, selection: str, input: Mapping[str, Any], payload: str, *, names: str = "id"
) -> Use:
    """A mutation with an `input`."""
    document = f"mutation ($input: {type_}!) {{ {name}(input: $input) {{ {REFUSALS} {selection} }} }}"
    return Use(document, {"input": input}, payload, names)


def mutation_by_id(name: str, id_: str, selection: str, payload: str) -> Use:
    """A mutation with an id."""
    document = f"mutation ($id: ID!) {{ {name}(id: $id) {{ {REFUSALS} {selection} }} }}"
    return Use(document, {"id": id_}, payload)


MUTATIONS = {
    "createProject": mutation(
        "createProject",
        "CreateProjectInput",
        "... on ProjectPayload { project { id name } }",
        {"name": "A new one"},
        "ProjectPayload",
    ),
    "editProject": mutation(
        "editProject",
        "EditProjectInput",
        "... on ProjectPayload { project { id name metadata } }",
        {"id": "$project", "name": "Renamed", "metadata": {"stage": 2}},
        "ProjectPayload",
    ),
    "deleteProject": mutation_by_id(
        "deleteProject", "$project", "... on DeleteProjectPayload { id }", "DeleteProjectPayload"
    ),
    "createSession": mutation(
        "createSession",
        "CreateSessionInput",
        "... on SessionPayload { session { id project { id } } }",
        {"projectId": "$project", "title": "In a project"},
        "SessionPayload",
        names="projectId",
    ),
    "editSession": mutation(
        "editSession",
        "EditSessionInput",
        "... on SessionPayload { session { id title archivedAt pinnedAt tags } }",
        {"id": "$session", "title": "Renamed", "archived": True, "pinned": True, "tags": ["work"]},
        "SessionPayload",
    ),
    "markRead": mutation_by_id(
        "markRead", "$session", "... on SessionPayload { session { id unread unreadCount } }", "SessionPayload"
    ),
    "markUnread": mutation_by_id(
        "markUnread", "$session", "... on SessionPayload { session { id unread } }", "SessionPayload"
    ),
    "moveSession": mutation_by_id(
        "moveSession", "$session", "... on SessionPayload { session { id position } }", "SessionPayload"
    ),
    "setSessionState": Use(
        f"""mutation ($id: ID!) {{ setSessionState(id: $id, values: {{panel: "open"}}) {{
            {REFUSALS} ... on SessionPayload {{ session {{ id state }} }} }} }}""",
        {"id": "$session"},
        "SessionPayload",
    ),
    "setReaction": Use(
        f"""mutation ($id: ID!) {{ setReaction(id: $id, emoji: "+1") {{
            {REFUSALS} ... on MessagePayload {{ message {{ id reactions {{ emoji count userIds }} }} }} }} }}""",
        {"id": "$message"},
        "MessagePayload",
    ),
    "setFeedback": Use(
        f"""mutation ($id: ID!) {{ setFeedback(id: $id, rating: GOOD, comment: "Yes") {{
            {REFUSALS} ... on MessagePayload {{ message {{ id feedback {{ userId rating comment }} }} }} }} }}""",
        {"id": "$message"},
        "MessagePayload",
    ),
    "annotateMessage": mutation(
        "annotateMessage",
        "AnnotateInput",
        "... on MessagePayload { message { id annotations { id userId text range { part start end } } } }",
        {"messageId": "$message", "text": "Really?"},
        "MessagePayload",
        names="messageId",
    ),
    "removeAnnotation": Use(
        f"""mutation ($id: ID!) {{ removeAnnotation(messageId: $id, id: "{uuid4()}") {{
            {REFUSALS} ... on MessagePayload {{ message {{ id annotations {{ id }} }} }} }} }}""",
        {"id": "$message"},
        "MessagePayload",
        "messageId",
    ),
    "setCompaction": Use(
        f"""mutation ($id: ID!) {{ setCompaction(id: $id, text: "In short") {{
            {REFUSALS} ... on MessagePayload {{ message {{ id compaction {{ text messageCount source }} }} }} }} }}""",
        {"id": "$message"},
        "MessagePayload",
        "id",
    ),
    "summarizeSession": Use(  # a model that never answers is not asked where a person has written
        f"""mutation ($id: ID!) {{
            first: editSession(input: {{id: $id, summary: "Mine"}}) {{ __typename }}
            summarizeSession(id: $id) {{
                {REFUSALS} ... on SessionPayload {{ session {{ id summary {{ text messageId source }} }} }}
            }}
        }}""",
        {"id": "$session"},
        "NotAllowed",
    ),
    "saveDraft": Use(
        f"""mutation ($id: ID!) {{ saveDraft(id: $id, text: "Dear all,") {{
            {REFUSALS} ... on SessionPayload {{ session {{ id draft }} }} }} }}""",
        {"id": "$session"},
        "SessionPayload",
    ),
    "deleteSession": mutation_by_id(
        "deleteSession", "$session", "... on DeleteSessionPayload { id }", "DeleteSessionPayload"
    ),
    "createAgent": mutation(
        "createAgent",
        "CreateAgentInput",
        "... on AgentPayload { agent { id name } }",
        {"name": "Helper", "instructions": "Be brief."},
        "AgentPayload",
    ),
    "editAgent": mutation(
        "editAgent",
        "EditAgentInput",
        "... on AgentPayload { agent { id name } }",
        {"id": "$helper", "name": "Better helper"},
        "AgentPayload",
    ),
    "deleteAgent": mutation_by_id("deleteAgent", "$helper", "... on DeleteAgentPayload { id }", "DeleteAgentPayload"),
    "sendMessage": mutation(
        "sendMessage",
        "SendMessageInput",
        "... on SendMessagePayload { message { id content } }",
        {"sessionId": "$session", "text": "One more", "reply": False},
        "SendMessagePayload",
        names="sessionId",
    ),
    "editMessage": mutation(
        "editMessage",
        "EditMessageInput",
        "... on SendMessagePayload { session { id leafId } message { id content siblings { index count ids } } }",
        {"messageId": "$message", "text": "Otherwise", "reply": False},
        "SendMessagePayload",
        names="messageId",
    ),
    "reviseMessage": mutation(
        "reviseMessage",
        "ReviseMessageInput",
        "... on MessagePayload { message { id content version revisions { version content } } }",
        {"id": "$message", "text": "Otherwise", "expectedVersion": 1},
        "MessagePayload",
    ),
    "chooseBranch": Use(
        f"""mutation ($id: ID!, $message: ID) {{ chooseBranch(id: $id, messageId: $message) {{
            {REFUSALS} ... on SessionPayload {{ session {{ id leafId branchChosen }} }} }} }}""",
        {"id": "$session", "message": "$message"},
        "SessionPayload",
    ),
    "forkSession": mutation(
        "forkSession",
        "ForkSessionInput",
        "... on SessionPayload { session { id title forkedFrom { sessionId messageId } } }",
        {"sessionId": "$session", "messageId": "$message", "include": "ALL"},
        "SessionPayload",
        names="sessionId",
    ),
    "replyToMessage": Use(
        f"""mutation ($id: ID!) {{ replyToMessage(id: $id, whenBusy: PARALLEL) {{
            {REFUSALS} ... on AskAgainPayload {{ run {{ id }} reply {{ id }} }} }} }}""",
        {"id": "$message"},
        "AskAgainPayload",
    ),
    "cancelRun": mutation_by_id(
        "cancelRun", "$run", "... on CancelRunPayload { run { id cancelRequested } }", "CancelRunPayload"
    ),
    "startRun": mutation(
        "startRun",
        "StartRunInput",
        "... on HeldRunPayload { run { id epoch } message { id } }",
        {"messageId": "$message", "whenBusy": "PARALLEL"},
        "HeldRunPayload",
        names="messageId",
    ),
    "appendToRun": mutation(
        "appendToRun",
        "AppendToRunInput",
        "... on AppendToRunPayload { lastSeq }",
        {"id": "$run", "epoch": 1, "fromSeq": 1, "events": [{"text": "Well"}]},
        "AppendToRunPayload",
    ),
    "finishRun": mutation(
        "finishRun",
        "FinishRunInput",
        "... on FinishRunPayload { run { id status } message { content } }",
        {"id": "$run", "epoch": 1, "lastSeq": 0},
        "FinishRunPayload",
    ),
    "takeOverRun": mutation_by_id(
        "takeOverRun", "$run", "... on HeldRunPayload { run { id epoch } }", "HeldRunPayload"
    ),
}

MUTATIONS |= {
    "createTemplate": mutation(
        "createTemplate",
        "CreateTemplateInput",
        "... on TemplatePayload { template { id name agent { id } messages { role text } } }",
        {"name": "Tour", "agentId": "$helper", "messages": [{"role": "USER", "text": "Hi"}]},
        "TemplatePayload",
        names="agentId",
    ),
    "editTemplate": mutation(
        "editTemplate",
        "EditTemplateInput",
        "... on TemplatePayload { template { id name version } }",
        {"id": "$template", "name": "Renamed", "expectedVersion": 1},
        "TemplatePayload",
    ),
    "deleteTemplate": mutation_by_id(
        "deleteTemplate", "$template", "... on DeleteTemplatePayload { id }", "DeleteTemplatePayload"
    ),
    "createFolder": mutation(
        "createFolder",
        "CreateFolderInput",
        "... on FolderPayload { folder { id parentId } }",
        {"name": "Inside", "parentId": "$folder"},
        "FolderPayload",
        names="parentId",
    ),
    "editFolder": mutation(
        "editFolder",
        "EditFolderInput",
        "... on FolderPayload { folder { id name version } }",
        {"id": "$folder", "name": "Renamed", "expectedVersion": 1},
        "FolderPayload",
    ),
    "moveFolder": mutation_by_id(
        "moveFolder", "$folder", "... on FolderPayload { folder { id position } }", "FolderPayload"
    ),
    "deleteFolder": mutation_by_id(
        "deleteFolder", "$folder", "... on DeleteFolderPayload { id }", "DeleteFolderPayload"
    ),
    "restoreSession": mutation_by_id(
        "restoreSession", "$trash", "... on SessionPayload { session { id deletedAt } }", "SessionPayload"
    ),
    "purgeSession": mutation_by_id(
        "purgeSession", "$trash", "... on PurgeSessionPayload { id }", "PurgeSessionPayload"
    ),
    "restoreHistory": mutation_by_id(
        "restoreHistory",
        "$session",
        "... on RestoreMessagesPayload { count session { id } }",
        "RestoreMessagesPayload",
    ),
    "clearSession": mutation_by_id(
        "clearSession", "$session", "... on ClearSessionPayload { count session { id } }", "ClearSessionPayload"
    ),
    "deleteMessages": mutation(
        "deleteMessages",
        "DeletionInput",
        "... on DeleteMessagesPayload { count session { id messageCount } }",
        {"sessionId": "$session", "id": "$message", "scope": "SUBTREE"},
        "DeleteMessagesPayload",
        names="sessionId",
    ),
    "restoreMessages": mutation(
        "restoreMessages",
        "DeletionInput",
        "... on RestoreMessagesPayload { count session { id } }",
        {"sessionId": "$session", "id": "$message", "scope": "OTHER_BRANCHES"},
        "RestoreMessagesPayload",
        names="sessionId",
    ),
    "bulkUpdateSessions": mutation(
        "bulkUpdateSessions",
        "BulkUpdateSessionsInput",
        "... on BulkUpdateSessionsPayload { receipts { id session { id starredAt } refusal { __typename reason } } }",
        {"ids": ["$session"], "starred": True},
        "BulkUpdateSessionsPayload",
        names="ids",
    ),
    "setTyping": Use(
        f"""mutation ($id: ID!) {{ setTyping(id: $id, typing: true) {{
            {REFUSALS} ... on SetTypingPayload {{ typing }} }} }}""",
        {"id": "$session"},
        "SetTypingPayload",
    ),
    "applyBatch": Use(
        """mutation ($operations: [BatchOperation!]!) { applyBatch(operations: $operations) {
            __typename ... on ApplyBatchPayload { receipts {
                status result { __typename ... on UserError { reason } ... on InvalidInput { field } }
            } } } }""",
        {"operations": [{"clientMutationId": "$key", "do": {"editSession": {"id": "$session", "title": "Offline"}}}]},
        "ApplyBatchPayload",
    ),
    "cancelSend": Use(
        """mutation ($key: String!) { cancelSend(clientMutationId: $key) {
            __typename ... on CancelSendPayload { run { id } } } }""",
        {"key": "$key"},
        "CancelSendPayload",
    ),
    "retryRun": mutation_by_id(
        "retryRun", "$over", "... on AskAgainPayload { run { id } reply { id } }", "AskAgainPayload"
    ),
    "continueRun": mutation_by_id(
        "continueRun", "$over", "... on AskAgainPayload { run { id } reply { id content } }", "AskAgainPayload"
    ),
    "awaitInput": mutation(
        "awaitInput",
        "AwaitInputInput",
        "... on AwaitInputPayload { run { id status } }",
        {"id": "$run", "epoch": 1, "text": "May I?"},
        "AwaitInputPayload",
    ),
    "editQueuedRun": Use(
        f"""mutation ($run: ID!) {{ editQueuedRun(id: $run, text: "Better") {{
            {REFUSALS} ... on EditQueuedRunPayload {{ message {{ id content }} run {{ id }} }} }} }}""",
        {"run": "$queued"},
        "EditQueuedRunPayload",
    ),
    "moveQueuedRun": Use(
        f"""mutation ($run: ID!) {{ moveQueuedRun(id: $run) {{
            {REFUSALS} ... on MoveQueuedRunPayload {{ queue {{ id }} }} }} }}""",
        {"run": "$queued"},
        "MoveQueuedRunPayload",
    ),
    "answerRun": Use(
        f"""mutation ($run: ID!, $question: ID!) {{
            answerRun(id: $run, questionId: $question, answer: {{yes: true}}) {{
                {REFUSALS} ... on AnswerRunPayload {{ run {{ id status }} }} }} }}""",
        {"run": "$asking", "question": "$question"},
        "AnswerRunPayload",
    ),
}

SUBSCRIPTIONS = {
    "session": Use(
        "subscription ($id: ID!) { session(id: $id) { __typename ... on MessageChanged { message { id } } } }",
        {"id": "$session"},
    ),
    "liveMessage": Use("subscription ($id: ID!) { liveMessage(id: $id) { id content } }", {"id": "$message"}),
    "changes": Use("subscription { changes { __typename ... on ProjectChanged { project { name } } } }"),
}


@dataclass(frozen=True)
class Home:
    """What somebody has.

    A project, an agent (`helper`), a folder and one more (`drawer`), a template, a deleted session (`trash`), a session
    and two more (`second`, `busy`), a message with an annotation in the first, and runs of their own app: one that is
    being written (`run`), one that was stopped (`over`), one that asks (`asking`, `question`), and two that wait
    (`queued`, `later`). `account` is the id of their account.
    """

    ids: Mapping[str, str]

    @classmethod
    async def of(cls, caller: Caller) -> Self:
        """A new one."""
        made = await caller.get(
            'mutation { createProject(input: {name: "Home"}) { ... on ProjectPayload { project { id } } } }'
        )
        project = made["createProject"]["project"]["id"]
        session, message, run = await _held(caller, project)
        second, _, over = await _held(caller, project)
        await caller.get(STOP, id=over)
        busy, _, asking = await _held(caller, project)
        asked = await caller.get(ASK, id=asking)
        queued, later = await _queued(caller, busy), await _queued(caller, busy)
        noted = (await caller.get(NOTE, message=message))["annotateMessage"]["message"]
        agents = await caller.get("{ agents(last: 1) { edges { node { id shared } } } }")
        helper = await caller.get(
            'mutation { createAgent(input: {name: "Mine alone"}) { ... on AgentPayload { agent { id } } } }'
        )
        folder = await caller.get(
            'mutation { createFolder(input: {name: "Mine alone"}) { ... on FolderPayload { folder { id } } } }'
        )
        drawer = await caller.get(
            'mutation { createFolder(input: {name: "Mine alone"}) { ... on FolderPayload { folder { id } } } }'
        )
        template = await caller.get(
            'mutation { createTemplate(input: {name: "Mine alone"}) { ... on TemplatePayload { template { id } } } }'
        )
        thrown = await caller.get(
            'mutation { createSession(input: {title: "Mine alone"}) { ... on SessionPayload { session { id } } } }'
        )
        await caller.get(
            "mutation ($id: ID!) { deleteSession(id: $id) { __typename } }", id=thrown["createSession"]["session"]["id"]
        )
        return cls(
            {
                "project": project,
                "account": (await caller.get("{ viewer { id } }"))["viewer"]["id"],
                "session": session,
                "second": second,
                "busy": busy,
                "message": message,
                "run": run,
                "over": over,
                "asking": asking,
                "question": asked["awaitInput"]["run"]["question"]["id"],
                "queued": queued,
                "later": later,
                "annotation": noted["annotations"][0]["id"],
                "agent": next(each["node"]["id"] for each in agents["agents"]["edges"] if each["node"]["shared"]),
                "helper": helper["createAgent"]["agent"]["id"],
                "folder": folder["createFolder"]["folder"]["id"],
                "drawer": drawer["createFolder"]["folder"]["id"],
                "template": template["createTemplate"]["template"]["id"],
                "trash": thrown["createSession"]["session"]["id"],
                "key": str(uuid4()),
            }
        )

    async def bury(self, caller: Caller) -> None:
        """Deletes all of it, and for good what was deleted already."""
        others = {"helper": "Agent", "drawer": "Folder", "second": "Session", "busy": "Session"}
        for name in ("project", "folder", "template", "session", *others):
            kind = others.get(name, name.title())
            deletes = f"mutation ($id: ID!) {{ delete{kind}(id: $id) {{ ... on UserError {{ reason }} }} }}"
            assert await caller.get(deletes, id=self.ids[name]) == {f"delete{kind}": {}}
        await caller.get("mutation ($id: ID!) { purgeSession(id: $id) { __typename } }", id=self.ids["trash"])

    @property
    def private(self) -> set[str]:
        """The ids that nobody else may ever be told."""
        return {id_ for name, id_ in self.ids.items() if name != "agent"}

    def unknown(self) -> Mapping[str, str]:
        """As many ids, of nothing."""
        return {name: str(uuid4()) for name in self.ids}

    def garbage(self) -> Mapping[str, str]:
        """As many that are no ids."""
        return {**dict.fromkeys(self.ids, "42"), "key": str(uuid4())}


SEND = """mutation ($project: ID!) { sendMessage(input: {
    text: "Mine alone", reply: false, newSession: {projectId: $project}
}) { ... on SendMessagePayload { session { id } message { id } } } }"""
START = """mutation ($message: ID!) { startRun(input: {messageId: $message}) {
    ... on HeldRunPayload { run { id epoch } } } }"""
NOTE = """mutation ($message: ID!) { annotateMessage(input: {messageId: $message, text: "Mine alone"}) {
    ... on MessagePayload { message { annotations { id } } } } }"""
STOP = """mutation ($id: ID!) {
    appendToRun(input: {id: $id, epoch: 1, fromSeq: 1, events: [{text: "Once"}]}) { __typename }
    finishRun(input: {id: $id, epoch: 1, lastSeq: 1, end: CANCELLED}) { __typename }
}"""
ASK = """mutation ($id: ID!) { awaitInput(input: {id: $id, epoch: 1, text: "May I?"}) {
    ... on AwaitInputPayload { run { question { id } } } } }"""


async def _held(caller: Caller, project: str) -> tuple[str, str, str]:
    """A session, a message in it, and a run that replies to it."""
    sent = (await caller.get(SEND, project=project))["sendMessage"]
    held = (await caller.get(START, message=sent["message"]["id"]))["startRun"]
    assert held["run"]["epoch"] == 1
    return sent["session"]["id"], sent["message"]["id"], held["run"]["id"]


MORE = """mutation ($session: ID!) { sendMessage(input: {text: "Mine alone", reply: false, sessionId: $session}) {
    ... on SendMessagePayload { message { id } } } }"""
WAIT = """mutation ($message: ID!) { startRun(input: {messageId: $message, whenBusy: QUEUE}) {
    ... on HeldRunPayload { run { id status } } } }"""


async def _queued(caller: Caller, session: str) -> str:
    """A run that waits for the one that the session has."""
    sent = (await caller.get(MORE, session=session))["sendMessage"]
    queued = (await caller.get(WAIT, message=sent["message"]["id"]))["startRun"]["run"]
    assert queued["status"] == "QUEUED"
    waiting: str = queued["id"]
    return waiting
