"""Documents, parsed and validated once per text for all transports."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)

from transports import costs, halves, wording
from transports import limits as limits_
from transports.costs import Cost
from transports.errors import Code, Refused, coded, refusal
from transports.limits import Limits
from transports.plan import Plans
from transports.size import Size

CACHED_DOCUMENTS = 1_000
CACHED_BYTES = 64_000_000

_BYTES_PER_TOKEN = 600
"""What the syntax tree of graphql-core takes, as measured."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document that is valid for the schema and within the limits."""

    text: str
    syntax: DocumentNode
    operations: Mapping[str | None, OperationDefinitionNode]
    plans: Mapping[str | None, Plans]
    costs: Mapping[str | None, Cost]

    @property
    def size(self) -> int:
        """About how much memory it takes, in bytes."""
        return len(self.text) + _BYTES_PER_TOKEN * self.syntax.token_count

    def operation(self, name: str | None) -> tuple[str | None, OperationType]:
        """The name and kind of the operation to run.

        Raises:
            Refused: there is none of that name, or several and no name is given.
        """
        if name is None and len(self.operations) != 1:
            raise refusal(
                Code.OPERATION_RESOLUTION_FAILED, "Name the operation to run: the document has none or several."
            )
        operation = self.operations.get(name) if name is not None else next(iter(self.operations.values()))
        if operation is None:
            raise refusal(Code.OPERATION_RESOLUTION_FAILED, f"The document has no operation named '{name}'.")
        return (operation.name.value if operation.name else None), operation.operation


class Documents:
    """The valid documents of one schema: at most 1,000, of about 64 MB together; the least used go first."""

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        *,
        introspection: bool = True,
        sizes: Mapping[str, Size] | None = None,
    ) -> None:
        self._schema = schema
        self._sizes = sizes or {}
        self._limits = limits
        self._introspection = introspection
        self._rules = (
            *specified_rules,
            *(() if introspection else (NoSchemaIntrospectionCustomRule,)),
        )
        self._cache: OrderedDict[str, Document] = OrderedDict()
        self._bytes = 0

    def get(self, text: str) -> Document:
        """The document of this text.

        Raises:
            Refused: it is too large, not GraphQL, or does not fit the schema.
        """
        document = self._cache.get(text)
        if document is not None:
            self._cache.move_to_end(text)
            return document
        document = self._read(text)
        self._cache[text] = document
        self._bytes += document.size
        while len(self._cache) > CACHED_DOCUMENTS or self._bytes > CACHED_BYTES:
            self._bytes -= self._cache.popitem(last=False)[1].size
        return document

    def _read(self, text: str) -> Document:
        syntax = self._parse(text)
        if errors := limits_.exceeded(syntax, self._limits):
            raise Refused(*errors)
        if errors := validate(self._schema, syntax, self._rules, hide_suggestions=not self._introspection):
            raise Refused(*(_worded(error) for error in errors))
        operations = (d for d in syntax.definitions if isinstance(d, OperationDefinitionNode))
        named = {(d.name.value if d.name else None): d for d in operations}
        plans = {name: Plans(self._schema, syntax, name) for name in named}
        counted = {name: costs.of(self._schema, syntax, each, self._sizes) for name, each in named.items()}
        return Document(text, syntax, named, plans, counted)

    def _parse(self, text: str) -> DocumentNode:
        allowed = self._limits
        if len(text) > allowed.characters:
            raise Refused(limits_.too_large("characters", allowed.characters, len(text)))
        try:
            return parse(text, max_tokens=allowed.tokens)
        except GraphQLError as error:
            if (mended := halves.mended(text)) != text:
                return self._parse(mended)
            if f"more than {allowed.tokens} tokens" in error.message:
                raise Refused(limits_.too_large("tokens", allowed.tokens, None)) from None
            raise Refused(coded(error, Code.GRAPHQL_PARSE_FAILED)) from None


def _worded(error: GraphQLError) -> GraphQLError:
    error.message = wording.in_graphql(error.message)
    return coded(error, Code.GRAPHQL_VALIDATION_FAILED)
