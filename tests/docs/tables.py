"""The tables of the documentation that repeat the code. `python -m tests.docs.tables` writes them into their pages."""

import ast
import inspect
import re
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, fields
from pathlib import Path

from chat import validation
from chat.conversation import annotations, member_fields, state, summaries
from chat.library import folders, projects, templates
from chat.removal import bulk
from chat.runs import appends, input_requests, outputs
from db import budgets
from db.changes import BEGINNING
from llm import formats, parameters
from llm.errors import ModelErrorCode
from resolvers import batches
from resolvers.nodes import MOST
from schema import scalar
from schema.connection import LONGEST
from schema.repeat import LONGEST_KEY
from server.serving import LARGEST_FRAME
from server.settings import Settings
from sync import subscriber
from tests.docs.fences import ROOT
from transports import Code, GraphQLEndpoint, Limits
from transports.callers import LONGEST_CLIENT_NAME
from transports.encoding import DEEPEST

type Row = Sequence[str]


def table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def settings() -> str:
    rows = []
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "") else f"`{field.default}`"
        rows.append((f"`TRANSOM_{name.upper()}`", default, str(field.description)))
    return table(("Variable", "Default", "Meaning"), rows)


NEVER = {f"`{code}`" for code in (Code.DOCUMENT_NOT_TRUSTED, Code.RATE_LIMITED)}
"""Codes of the endpoint for what this server does not do: it has no manifest, and rates are refusals."""


def codes() -> str:
    return table(("Code", "Meaning"), [row for row in documented(Code) if row[0] not in NEVER])


def model_errors() -> str:
    rows = [(code, re.sub(r"; `retry_after`[^.]*", "", meaning)) for code, meaning in documented(ModelErrorCode)]
    return table(("Code", "Meaning"), [*rows, ("`INTERNAL`", "A fault on our side; the server's log has it.")])


def model_parameters() -> str:
    return table(("Parameter", "Value"), [(f"`{name}`", allowed) for name, (_, allowed) in parameters._RULES.items()])


def documented(kind: type) -> list[Row]:
    """The members of an enum, with the texts that stand below them."""
    (body,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(body, ast.ClassDef)
    rows: list[Row] = []
    for member, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(member, ast.Assign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            (target,) = member.targets
            assert isinstance(target, ast.Name)
            rows.append((f"`{target.id}`", " ".join(str(text.value.value).split())))
    assert len(rows) == len(list(kind))  # type: ignore[call-overload]  # an enum is iterable
    return rows


def bounds() -> str:
    endpoint = inspect.signature(GraphQLEndpoint).parameters
    document = {field.name: field.default for field in fields(Limits) if field.default is not MISSING}
    rows: list[tuple[str, int, str]] = [
        ("the text of a message", validation.TEXT, "characters"),
        ("a title, a name", validation.NAME, "characters"),
        ("an `externalId`", validation.EXTERNAL_ID, "characters"),
        ("a `clientMutationId`", LONGEST_KEY, "characters"),
        ("the name of a client", LONGEST_CLIENT_NAME, "characters"),
        ("`metadata`", validation.METADATA, "bytes as JSON"),
        ("the `state` of a session", state.LARGEST, "bytes as JSON"),
        ("the value of a `data` part", appends.LARGEST_DATA, "bytes as JSON"),
        ("an answer in JSON", outputs.LARGEST, "characters"),
        ("arrays and objects of an answer in JSON inside each other", outputs.DEEPEST, "deep"),
        ("the schema of an agent's answers", formats.LARGEST_SCHEMA, "bytes as JSON"),
        ("the instructions of an agent or a template", validation.INSTRUCTIONS, "characters"),
        ("the description of an agent or a template", validation.DESCRIPTION, "characters"),
        ("a draft", validation.TEXT, "characters"),
        ("tags of a session", member_fields.MOST_TAGS, ""),
        ("a tag", member_fields.LONGEST_TAG, "characters"),
        ("different reactions to a message", annotations.MOST_EMOJIS, ""),
        ("a reaction", annotations.LONGEST_EMOJI, "characters"),
        ("a comment on feedback", annotations.COMMENT, "characters"),
        ("annotations of a message", annotations.MOST_ANNOTATIONS, ""),
        ("an annotation", annotations.ANNOTATION, "characters"),
        ("a question of a run", input_requests.TEXT, "characters"),
        ("a summary", summaries.LENGTH, "characters"),
        ("a page of a list", LONGEST, "items"),
        ("`nodes`", MOST, "ids"),
        ("`applyBatch`", batches.MOST, "entries"),
        ("`bulkUpdateSessions`", bulk.MOST, "sessions"),
        ("folders of an account", folders.MOST, ""),
        ("templates of an account", templates.MOST, ""),
        ("messages of a template", templates.MOST_SAID, ""),
        ("folders in each other", folders.DEEPEST, "deep"),
        ("stages of a project", projects.MOST_STAGES, ""),
        ("`appendToRun`", appends.MOST_EVENTS, "events"),
        ("what `session` begins with, without `after`", BEGINNING, "messages"),
        ("what a window may leave unread before it catches up from the rows", subscriber.BACKLOG, "events"),
        ("how far back a cursor may lie", subscriber.FAR, "changes"),
        ("a request, a message on a socket", endpoint["max_request_bytes"].default, "bytes"),
        ("a message on a socket that costs its operation alone", LARGEST_FRAME, "bytes"),
        ("arrays and objects of a request inside each other", DEEPEST, "deep"),
        ("arrays and objects of a JSON value inside each other", scalar.DEEPEST, "deep"),
        ("operations on one socket at once", endpoint["max_operations_per_socket"].default, ""),
        ("a document", document["characters"], "characters"),
        ("a document", document["tokens"], "tokens"),
        ("fields inside fields", document["depth"], "deep"),
        ("fields of an operation, through fragments", document["fields"], ""),
        ("fields at the root of an operation", document["root_fields"], ""),
        ("aliases of an operation", document["aliases"], ""),
        ("directives of an operation", document["directives"], ""),
        ("rows of an answer, by what its document asks for", budgets.ANSWER_ROWS, ""),
        ("what an answer takes while it is made", budgets.ANSWER_BYTES, "bytes"),
    ]
    return table(("What", "At most"), [(what, f"{most:,} {unit}".strip()) for what, most, unit in rows])


TABLES = {
    ("README.md", "settings"): settings,
    ("docs/protocol.md", "codes"): codes,
    ("docs/protocol.md", "model errors"): model_errors,
    ("docs/protocol.md", "limits"): bounds,
    ("docs/guide/agents.md", "parameters"): model_parameters,
}


def place(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name}: [^\n]+ -->\n)(.*?)(<!-- end of {name} -->\n)", re.DOTALL)


def written(page: str, name: str) -> str:
    """The table that stands in a page."""
    found = place(name).search((ROOT / page).read_text())
    assert found, f"{page} has no place for the table of {name}"
    return found[2].strip("\n") + "\n"


def write() -> None:
    for (page, name), make in TABLES.items():
        path: Path = ROOT / page
        found = place(name).search(path.read_text())
        assert found, f"{page} has no place for the table of {name}"
        path.write_text(f"{found.string[: found.start(2)]}\n{make()}\n{found.string[found.end(2) :]}")


if __name__ == "__main__":
    write()
