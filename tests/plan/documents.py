"""Random documents over the probe's schema: valid ones, nearly always."""

from dataclasses import dataclass, field
from random import Random
from typing import cast

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from tests.plan.probe import ROOT, SCHEMA, Composite, definition

ALIASES = ("a", "b", "c")
WITHOUT_CONTEXT = {"agent", "project", "run", "totalCount"}
"""Fields with a resolver that asks nobody, as long as the value says that there is nothing."""
VARIABLES = {"p": "Boolean!", "q": "Boolean! = true", "r": "Boolean! = false"}


@dataclass
class Document:
    """A query of one root field."""

    random: Random
    plain: bool
    """Whether it has nothing but plain attributes."""
    fragments: list[tuple[str, Composite, str]] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    spread: set[str] = field(default_factory=set)
    resolvers: int = 0

    def __post_init__(self) -> None:
        self.root = self.random.choice(list(ROOT.fields))
        shown = self.selection(cast("Composite", get_named_type(ROOT.fields[self.root].type)), 3)
        alias = self.random.choice(("", "", "root: "))
        declared = ", ".join(f"${name}: {VARIABLES[name]}" for name in sorted(self.used))
        fragments = "\n".join(
            f"fragment {name} on {kind.name} {text}" for name, kind, text in self.fragments if name in self.spread
        )
        self.text = f"query {f'({declared})' if declared else ''} {{ {alias}{self.root} {shown} }}\n{fragments}"
        self.variables = {name: self.random.random() < 0.5 for name in sorted(self.used) if self._given(name)}

    def _given(self, name: str) -> bool:
        return name == "p" or self.random.random() < 0.5

    def selection(self, kind: Composite, depth: int) -> str:
        """A selection set on a type."""
        return f"{{ {' '.join(self._item(kind, depth) for _ in range(self.random.randint(1, 5)))} }}"

    def _item(self, kind: Composite, depth: int) -> str:
        chance = self.random.random()
        if depth and chance < 0.15:
            return f"...{self._condition(kind, depth)}"
        if depth and chance < 0.3:
            return self._spread(kind, depth)
        fields = {} if isinstance(kind, GraphQLUnionType) else self._fields(kind)
        if not fields or chance > 0.9:
            if depth and not isinstance(kind, GraphQLObjectType) and chance < 0.97:
                return f"...{self._condition(kind, depth)}"
            return f"{self._alias('__typename')}{self._directive()}"
        name, shown = self.random.choice(list(fields.items()))
        return f"{self._alias(name)}{self._directive()}{self._below(shown, depth)}"

    def _fields(self, kind: GraphQLObjectType | GraphQLInterfaceType) -> dict[str, GraphQLField]:
        found = {}
        for name, each in kind.fields.items():
            plain = definition(each).is_basic_field
            if plain or (not self.plain and name in WITHOUT_CONTEXT and not any(map(is_required_argument, each.args))):
                found[name] = each
        return found

    def _below(self, shown: GraphQLField, depth: int) -> str:
        self.resolvers += not definition(shown).is_basic_field
        named = get_named_type(shown.type)
        if is_leaf_type(named):
            return ""
        return self.selection(cast("Composite", named), depth - 1) if depth > 1 else " { __typename }"

    def _alias(self, name: str) -> str:
        """An alias says which field it is of, so that what merges can."""
        return f"{self.random.choice(ALIASES)}_{name}: {name}" if self.random.random() < 0.4 else name

    def _directive(self) -> str:
        if self.random.random() < 0.75:
            return ""
        condition = self.random.choice(("true", "false", "$p", "$q", "$r"))
        if condition.startswith("$"):
            self.used.add(condition[1:])
        return f" @{self.random.choice(('include', 'skip'))}(if: {condition})"

    def _condition(self, kind: Composite, depth: int) -> str:
        if self.random.random() < 0.2:
            return f"{self._directive()} {self.selection(kind, depth - 1)}"
        to = self.random.choice(overlapping(kind))
        return f" on {to.name}{self._directive()} {self.selection(to, depth - 1)}"

    def _spread(self, kind: Composite, depth: int) -> str:
        """A named fragment: one that is there, or a new one."""
        to = overlapping(kind)
        known = [name for name, on, _ in self.fragments if on in to]
        if known and self.random.random() < 0.5:
            name = self.random.choice(known)
        else:
            on = self.random.choice(to)
            text = self.selection(on, depth - 1)
            name = f"F{len(self.fragments)}"
            self.fragments.append((name, on, text))
        self.spread.add(name)
        return f"...{name}{self._directive()}"


def overlapping(kind: Composite) -> list[Composite]:
    """The types that a value of this type may also be of."""
    own = possible(kind)
    return [each for each in _COMPOSITES if own & possible(each)]


def possible(kind: Composite) -> set[GraphQLObjectType]:
    """The object types that a value of a type may be of."""
    return {kind} if isinstance(kind, GraphQLObjectType) else set(SCHEMA.get_possible_types(kind))


_COMPOSITES: list[Composite] = [
    kind
    for kind in SCHEMA.type_map.values()
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType)
    and kind is not ROOT
    and not kind.name.startswith("__")
]
