"""What graphql-core says of values that it refuses, in the words of GraphQL: no Python, and where need be no values."""

import re

LONGEST = 500
"""Characters of a message that quotes what is in the document."""

_SUBJECT = re.compile(r"(Variable '\$\w+'|Argument '[^']*') has invalid (?:default )?value(?: at [\w.\[\]]+)?")
_REASON = re.compile(
    r"Expected (?:a )?value of (?:non-null )?type '[\w!\[\]]+'"
    r"(?: not to be null| to be provided| to be an object"
    r"| to include required field '\w+'| not to include unknown field '\w+')?"
    r"|(?:Int|Float|String|Boolean|ID|SyncCursor|PageCursor) cannot represent (?:a )?non[- ]\w+(?:[- ]\w+)*"
    r"|Expected variable '\$\w+' provided to [^.:]*"
    r"|(?P<scalar>\w+ cannot represent) value"
    r"|Within OneOf Input Object type '\w+', exactly one field must be specified,"
    r" and the value for that field must be non-null"
    r"|Enum '\w+' cannot represent non-string value"
    r"|.*(?P<enum>does not exist in '\w+' enum)",
    re.DOTALL,
)
_PYTHON = re.compile(r", but encountered error '.*?'; found(?=:)", re.DOTALL)


def in_graphql(message: str) -> str:
    """A message about a document, which may quote that."""
    message = _PYTHON.sub(", found", message.replace("not to be None", "not to be null"))
    return message if len(message) <= LONGEST else f"{message[:LONGEST]}…"


def without_values(message: str) -> str:
    """A message about a value that was sent, without the value: it may be a secret."""
    message = message.replace("not to be None", "not to be null")
    subject = _SUBJECT.match(message)
    if subject is None:
        return message
    reason = _REASON.match(message, subject.end() + len(": "))
    if reason is None:
        return f"{subject[0]}."
    if reason["enum"]:
        return f"{subject[0]}: Value {reason['enum']}."
    return f"{subject[0]}: {reason['scalar']} this value." if reason["scalar"] else f"{subject[0]}: {reason[0]}."
