"""How large a document may be: measured in one pass, in linear time, before anything else looks at the document."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
)

from transports.errors import Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one document. Fields behind fragments count each time they are spread, as they are executed."""

    characters: int = 100_000
    """Length of the text, comments included."""
    tokens: int = 10_000
    """Lexical tokens."""
    depth: int = 20
    """Fields inside fields. Introspection does not count: it has a depth limit of its own in validation."""
    fields: int = 2_000
    """Fields of an operation altogether."""
    root_fields: int = 20
    """Fields directly below an operation."""
    aliases: int = 200
    """Fields of an operation under another name."""
    directives: int = 200
    """Directives of an operation."""


@dataclass(slots=True)
class _Measure:
    """One definition by itself, then with all that it spreads."""

    depth: int = 0
    fields: int = 0
    root_fields: int = 0
    aliases: int = 0
    directives: int = 0
    spreads: list[tuple[str, int]] = field(default_factory=list)

    def add(self, fragment: "_Measure", depth: int) -> None:
        self.depth = max(self.depth, depth + fragment.depth)
        self.fields += fragment.fields
        self.aliases += fragment.aliases
        self.directives += fragment.directives
        if depth == 0:
            self.root_fields += fragment.root_fields


def exceeded(document: DocumentNode, limits: Limits) -> list[GraphQLError]:
    """One error per limit and operation that the document breaks; empty if it keeps them all."""
    fragments = {d.name.value: _alone(d) for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    _expand(fragments)
    errors: list[GraphQLError] = []
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            whole = _alone(definition)
            for name, depth in whole.spreads:
                if name in fragments:
                    whole.add(fragments[name], depth)
            errors.extend(_broken(definition, whole, limits))
    return errors


def too_large(limit: str, allowed: int, actual: int | None, *nodes: OperationDefinitionNode) -> GraphQLError:
    """The error that tells which limit was broken, and by how much where that was counted."""
    counted = f"has {actual:,}" if actual is not None else "has more"
    name = limit.replace("_", " ")
    return GraphQLError(
        f"The document {counted} {name}; {allowed:,} are allowed."
        if limit != "depth"
        else f"The document is {actual} fields deep; {allowed} are allowed.",
        list(nodes) or None,
        extensions={"code": Code.DOCUMENT_TOO_COMPLEX.value, "limit": limit, "allowed": allowed, "actual": actual},
    )


def too_many_rows(allowed: int, actual: int) -> GraphQLError:
    """The error that an answer could have too many rows: nothing has been read."""
    return _too_much(
        f"The answer could have {actual:,} rows; {allowed:,} are allowed. Ask for shorter pages with `first` or "
        "`last`, for fewer lists inside lists, or in several documents.",
        "rows",
        allowed,
        actual,
    )


def too_many_bytes(allowed: int, actual: int) -> GraphQLError:
    """The error that an answer has become too large, and was given up."""
    return _too_much(
        f"The answer takes more than {allowed:,} bytes. Ask for shorter pages with `first` or `last`, or for less of "
        "each item. What a mutation has done stays done: send it again with its `clientMutationId`, and select less.",
        "bytes",
        allowed,
        actual,
    )


def _too_much(text: str, limit: str, allowed: int, actual: int) -> GraphQLError:
    code = Code.DOCUMENT_TOO_COMPLEX.value
    return GraphQLError(text, extensions={"code": code, "limit": limit, "allowed": allowed, "actual": actual})


def _broken(operation: OperationDefinitionNode, whole: _Measure, limits: Limits) -> Iterator[GraphQLError]:
    for name in ("depth", "fields", "root_fields", "aliases", "directives"):
        allowed, actual = getattr(limits, name), getattr(whole, name)
        if actual > allowed:
            yield too_large(name, allowed, actual, operation)


def _alone(definition: OperationDefinitionNode | FragmentDefinitionNode) -> _Measure:
    """Count a definition without entering its fragments."""
    measure = _Measure(directives=len(definition.directives or ()))
    stack = [(definition.selection_set, 0, _is_about_the_schema(definition))]
    while stack:
        selection_set, depth, introspects = stack.pop()
        for node in selection_set.selections:
            measure.directives += len(node.directives or ())
            if isinstance(node, FragmentSpreadNode):
                measure.spreads.append((node.name.value, depth))
            elif isinstance(node, InlineFragmentNode):
                stack.append((node.selection_set, depth, introspects))
            elif isinstance(node, FieldNode):
                measure.fields += 1
                measure.aliases += node.alias is not None
                measure.root_fields += depth == 0
                below = depth if introspects else depth + 1
                measure.depth = max(measure.depth, below)
                if node.selection_set:
                    inside = introspects or node.name.value in {"__schema", "__type"}
                    stack.append((node.selection_set, below, inside))
    return measure


def _is_about_the_schema(definition: OperationDefinitionNode | FragmentDefinitionNode) -> bool:
    """Whether it is a fragment on one of the types of introspection."""
    return isinstance(definition, FragmentDefinitionNode) and definition.type_condition.name.value.startswith("__")


def _expand(fragments: Mapping[str, _Measure]) -> None:
    """Add to each fragment, once, all that it spreads. A spread that closes a cycle adds nothing."""
    done: set[str] = set()
    for root in fragments:
        path = [] if root in done else [(root, iter(fragments[root].spreads))]
        entered = {root}
        while path:
            name, spreads = path[-1]
            for spread, _ in spreads:
                if spread in fragments and spread not in done and spread not in entered:
                    entered.add(spread)
                    path.append((spread, iter(fragments[spread].spreads)))
                    break
            else:
                path.pop()
                for spread, depth in fragments[name].spreads:
                    if spread in done:
                        fragments[name].add(fragments[spread], depth)
                done.add(name)
