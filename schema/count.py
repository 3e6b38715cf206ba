"""What badges say."""

from collections.abc import Mapping
from typing import Self
from uuid import UUID

import strawberry

from db import tallies
from schema import identifier
from schema.session_list import SessionCounts
from schema.tag import Tag


@strawberry.type(
    description="How many of your sessions that are not archived are in a folder or a project, or with an agent."
)
class Tally:
    """See `db.tallies.Tally`."""

    id: strawberry.ID = strawberry.field(description="The folder, the project or the agent.")
    session_count: int = strawberry.field(description="How many sessions.")
    unread_count: int = strawberry.field(description="How many of these are unread.")

    @classmethod
    def all_of(cls, found: Mapping[UUID, tallies.Tally]) -> list[Self]:
        """The tallies of several as clients see them."""
        return [
            cls(id=identifier.of(id), session_count=each.sessions, unread_count=each.unread)
            for id, each in found.items()
        ]


@strawberry.type(description="What badges say has changed. This is all of it; what is not listed has no sessions.")
class CountsChanged:
    """See `sync.events.CountsChanged`."""

    active: SessionCounts = strawberry.field(description="Of the sessions that are not archived.")
    archived: SessionCounts = strawberry.field(description="Of those that are.")
    trash: int = strawberry.field(description="How many sessions are in the trash.")
    folders: list[Tally] = strawberry.field(description="By folder.")
    projects: list[Tally] = strawberry.field(description="By project.")
    agents: list[Tally] = strawberry.field(description="By agent.")
    tags: list[Tag] = strawberry.field(description="By tag.")

    @classmethod
    def of(cls, counts: tallies.Tallies) -> Self:
        """The tallies of an account as clients see them."""
        return cls(
            active=SessionCounts(**counts.active),
            archived=SessionCounts(**counts.archived),
            trash=counts.trash,
            folders=Tally.all_of(counts.folders),
            projects=Tally.all_of(counts.projects),
            agents=Tally.all_of(counts.agents),
            tags=[Tag.of(name, each) for name, each in counts.tags.items()],
        )
