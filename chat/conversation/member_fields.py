"""What a member sets for themselves in a session, and nobody else sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from chat import references
from chat.refusals import InvalidInput
from db import texts
from db.models import Membership, Session

MOST_TAGS = 50
"""Tags of one session."""
LONGEST_TAG = 64
"""Characters of a tag."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder to keep a session in; None: none."""

    id: UUID | None


@dataclass(frozen=True, slots=True)
class Personal:
    """Fields to set; what is None stays as it is."""

    archived: bool | None = None
    pinned: bool | None = None
    starred: bool | None = None
    folder: Folder | None = None
    tags: Sequence[str] | None = None
    more_tags: Sequence[str] = ()
    """Tags to add to those that there are, or to `tags`."""
    fewer_tags: Sequence[str] = ()
    """Tags to take away from them."""
    read: bool | None = None
    """Whether the session counts as read, as far as it is; or as unread."""

    def __bool__(self) -> bool:
        return self != NOTHING

    async def values(self, tx: AsyncSession, session: Session, member: Membership) -> dict[str, Any]:
        """The columns of a membership to set, and to what. Its account's row must be locked.

        Raises:
            NotFound: there is no such folder.
            InvalidInput: a tag cannot be used, or there are too many.
        """
        wanted = {"archived_at": self.archived, "pinned_at": self.pinned, "starred_at": self.starred}
        values: dict[str, Any] = {
            name: func.coalesce(getattr(Membership, name), func.now()) if is_so else None
            for name, is_so in wanted.items()
            if is_so is not None
        }
        if self.folder is not None:
            await references.check(tx, folder=self.folder.id)
            values["folder_id"] = self.folder.id
        if self.tags is not None or self.more_tags or self.fewer_tags:
            values["tags"] = self._tags(member)
        if self.read is not None:
            values["marked_unread"] = not self.read
        if self.read:
            values["read_seq"] = func.greatest(Membership.read_seq, session.head)
        return values

    def _tags(self, member: Membership) -> list[str]:
        kept = member.tags if self.tags is None else tags("tags", self.tags)
        fewer = {texts.composed(tag).strip() for tag in self.fewer_tags}
        return tags("addTags", [*(tag for tag in kept if tag not in fewer), *self.more_tags])


NOTHING = Personal()


def tags(field: str, given: Sequence[str]) -> list[str]:
    """Tags as they are stored: without white space around them, each once, in the order in which they were given.

    Raises:
        InvalidInput: one is blank or too long, or there are too many.
    """
    clean = list(dict.fromkeys(texts.composed(tag).strip() for tag in given))
    if len(clean) > MOST_TAGS:
        raise InvalidInput(field, f"A session has at most {MOST_TAGS} tags.")
    if not all(0 < len(tag) <= LONGEST_TAG for tag in clean):
        raise InvalidInput(field, f"A tag has between 1 and {LONGEST_TAG} characters, and is not blank.")
    return clean
