"""Relay connections over keyset pages."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

import orjson
import strawberry

from chat.refusals import InvalidInput
from db.page import Page, Span
from schema.cursor import PageCursor

LONGEST = 100
"""Items of a page at most."""

First = Annotated[int | None, strawberry.argument(description=f"Take this many from the beginning; at most {LONGEST}.")]
After = Annotated[PageCursor | None, strawberry.argument(description="Take only what comes after this cursor.")]
Last = Annotated[int | None, strawberry.argument(description=f"Take this many from the end; at most {LONGEST}.")]
Before = Annotated[PageCursor | None, strawberry.argument(description="Take only what comes before this cursor.")]


def encode(kind: str, *key: Any) -> PageCursor:
    """The cursor of an item in a list of this kind: opaque text that holds its key."""
    packed = binascii.b2a_base64(orjson.dumps([kind, *key], default=str), newline=False)
    return PageCursor(packed.translate(_URL_SAFE).rstrip(b"=").decode())


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def decode(kind: str, field: str, cursor: str) -> list[Any]:
    """The key in a cursor.

    Raises:
        InvalidInput: it is no cursor, or one of another list.
    """
    try:
        found = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        found = None
    if not isinstance(found, list) or not found or found[0] != kind:
        raise _no_cursor(field)
    return found[1:]


def dated(kind: str) -> Callable[[str, str], tuple[datetime, UUID]]:
    """What makes the key of a cursor in a list that is in the order of times, and of ids where those are equal."""

    def key(field: str, cursor: str) -> tuple[datetime, UUID]:
        at, id = decode(kind, field, cursor)
        return datetime.fromisoformat(at), UUID(id)

    return key


def whole(value: object) -> int:
    """A number in a key: a depth, or a branch.

    Raises:
        ValueError: it is none that PostgreSQL's `integer` could hold.
    """
    if not isinstance(value, int) or not 0 <= value < 2**31:
        raise ValueError(value)
    return value


def _no_cursor(field: str) -> InvalidInput:
    return InvalidInput(field, f"`{field}` is no cursor of this list. Use one from its `edges` or `pageInfo`.")


def _place[Key](key: Callable[[str, str], Key], field: str, cursor: str | None) -> Key | None:
    try:
        return None if cursor is None else key(field, cursor)
    except (AttributeError, TypeError, ValueError) as error:  # somebody has made the cursor up
        raise _no_cursor(field) from error


def span[Key](
    key: Callable[[str, str], Key],
    first: int | None,
    after: PageCursor | None,
    last: int | None,
    before: PageCursor | None,
    *,
    default: int,
) -> Span[Key]:
    """The span that a connection's arguments mean. `key` turns an argument's name and cursor into a key.

    Raises:
        InvalidInput: the arguments make no sense together, or one of them by itself.
    """
    if first is not None and last is not None:
        raise InvalidInput("last", "Ask for `first` or for `last`, not for both.")
    for field, limit in (("first", first), ("last", last)):
        if limit is not None and not 1 <= limit <= LONGEST:
            raise InvalidInput(field, f"`{field}` is a number from 1 to {LONGEST}.")
    return Span(
        first or last or default,
        after=_place(key, "after", after),
        before=_place(key, "before", before),
        backward=last is not None,
    )


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """The Relay type."""

    has_next_page: bool = strawberry.field(description="Whether the list goes on behind the page.")
    has_previous_page: bool = strawberry.field(description="Whether there is something before the page.")
    start_cursor: PageCursor | None = strawberry.field(description="The cursor of the first item, if there is one.")
    end_cursor: PageCursor | None = strawberry.field(description="The cursor of the last item, if there is one.")


@strawberry.type(description="An item of a list, with its place in it.")
class Edge[T]:
    """The Relay type."""

    node: T = strawberry.field(description="The item.")
    cursor: PageCursor = strawberry.field(description="Its place, for `after` and `before`.")


async def _total(root: "Connection[Any]") -> int:
    return await root.count()


@strawberry.type(description="A page of a list.")
class Connection[T]:
    """The Relay type. `count` is asked only where `totalCount` is."""

    edges: list[Edge[T]] = strawberry.field(description="The items of the page, in the list's order.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]
    total_count: int = strawberry.field(
        resolver=_total, description="How many items the whole list has. It is counted only if you ask."
    )

    @classmethod
    def of[R](
        cls,
        page: Page[R],
        node: Callable[[R], T],
        place: Callable[[R], PageCursor],
        count: Callable[[], Awaitable[int]],
        **more: Any,
    ) -> Self:
        """The connection of a page of rows."""
        edges = [Edge(node=node(row), cursor=place(row)) for row in page.rows]
        return cls(edges=edges, page_info=_page_info(page, edges), count=count, **more)


def _page_info[R](page: Page[R], edges: Sequence[Edge[Any]]) -> PageInfo:
    return PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
