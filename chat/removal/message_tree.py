"""A session's tree of messages: what a deletion takes, and what is shown of the rest.

A message that is deleted says nothing any more. As long as something below it is not deleted, it holds the place
between what is before and after it, and is shown as empty; otherwise it is gone.
"""

from collections.abc import Iterable, Sequence, Set
from enum import StrEnum
from uuid import UUID

from db.withdrawals import Change, Node


class DeletionScope(StrEnum):
    """What a deletion takes."""

    MESSAGE = "message"
    SUBTREE = "subtree"
    OTHER_BRANCHES = "other_branches"


class Tree:
    """The messages of a session, the root's side first."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.by_id = {node.id: node for node in nodes}
        self._nodes = nodes
        self._children: dict[UUID | None, list[Node]] = {}
        for node in nodes:
            self._children.setdefault(node.parent_id, []).append(node)

    @property
    def withdrawn(self) -> Set[UUID]:
        """What is deleted, whether it holds its place or not."""
        return {node.id for node in self._nodes if node.withdrawn}

    def reach(self, message_id: UUID, scope: DeletionScope) -> Set[UUID]:
        """The messages that are meant: one, or it and all below it, or all that no path through it has."""
        match scope:
            case DeletionScope.MESSAGE:
                return {message_id}
            case DeletionScope.SUBTREE:
                return self._below(message_id)
            case DeletionScope.OTHER_BRANCHES:
                return self.by_id.keys() - self._below(message_id) - self.path(message_id)

    def _below(self, message_id: UUID) -> set[UUID]:
        """A message and all that follows it, on any branch."""
        found = {message_id}
        for node in self._nodes:
            if node.parent_id in found:
                found.add(node.id)
        return found

    def path(self, message_id: UUID | None) -> Set[UUID]:
        """A message and what stands before it; nothing, if there is none."""
        found: set[UUID] = set()
        while message_id is not None:
            found.add(message_id)
            message_id = self.by_id[message_id].parent_id
        return found

    def shown(self, withdrawn: Set[UUID]) -> Set[UUID]:
        """What is shown where these are deleted: the others, and what holds its place for one of them."""
        shown: set[UUID] = set()
        for node in reversed(self._nodes):
            if node.id not in withdrawn or node.id in shown:
                shown.add(node.id)
                if node.parent_id is not None:
                    shown.add(node.parent_id)
        return shown

    def changes(self, turned: Set[UUID], shown: Set[UUID], first: int) -> list[Change]:
        """What becomes of each message that is deleted or brought back, or is shown no more or again, numbered.

        And of each whose compaction is of such messages.
        """
        outdated = self._outdated(turned)
        changed = [node.id for node in self._changed(turned, shown)]
        return [
            Change(id, seq, id not in shown, id in turned, id in outdated)
            for seq, id in enumerate(changed, start=first)
        ]

    def count(self, turned: Set[UUID], shown: Set[UUID]) -> int:
        """How many of them there are."""
        return sum(1 for _ in self._changed(turned, shown))

    def _changed(self, turned: Set[UUID], shown: Set[UUID]) -> Iterable[Node]:
        also = turned | self._outdated(turned)
        return (node for node in self._nodes if node.id in also or node.gone is (node.id in shown))

    def _outdated(self, turned: Set[UUID]) -> Set[UUID]:
        """What has a compaction that a model wrote of something that is deleted or brought back."""
        below: set[UUID] = set()
        for node in self._nodes:
            if node.id in turned or node.parent_id in below:
                below.add(node.id)
        return {node.id for node in self._nodes if node.compacted and node.id in below}

    def newest_leaf(self, message_id: UUID | None, shown: Set[UUID]) -> Node | None:
        """The newest of the last messages below one that is shown, or of all."""
        leaves, left = [], [self.by_id[message_id]] if message_id is not None else list(self._children.get(None, ()))
        while left:
            node = left.pop()
            below = [child for child in self._children.get(node.id, ()) if child.id in shown]
            left += below
            if not below and node.id in shown:
                leaves.append(node)
        return max(leaves, key=lambda node: (node.created_at, node.id), default=None)
