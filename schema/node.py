"""Everything that has an id."""

import strawberry


@strawberry.interface(description="An object with an id of its own (the Relay `Node` interface).")
class Node:
    """The Relay interface."""

    id: strawberry.ID = strawberry.field(description="Its id: a UUID, unique among all objects.")
