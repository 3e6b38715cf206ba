"""Who asks: the identity behind a credential, and the window it speaks through."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from starlette.datastructures import Headers
from strawberry.http.websocket_origin import is_same_origin

from db import texts
from transports.errors import Code, refusal

LONGEST_CLIENT_NAME = 128


class Identity(Protocol):
    """What authentication found out. The transports look at nothing but its expiry."""

    @property
    def expires_at(self) -> datetime | None:
        """When the credential ends, with a time zone; `None` if it does not."""


class Unauthenticated(Exception):
    """The credential is missing, malformed, expired or not ours. The reason is told to the client."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Caller[I: Identity]:
    """What the context of one operation is made from."""

    identity: I
    client: str | None
    """The client's own name for the window, at most 128 characters."""
    transport: Literal["http", "stream", "websocket"]
    last_event_id: str | None = None
    """The last `id:` that a resuming event stream has seen."""


type Authenticate[I: Identity] = Callable[[str | None], Awaitable[I]]
"""From the credential as the client sent it (`Bearer …` or the bare token) to an identity, or `Unauthenticated`."""

type MakeContext[I: Identity] = Callable[[Caller[I]], Awaitable[object]]
"""Makes the context of one operation. Called anew for every operation, also on a socket."""

type Admit = Callable[[Headers], str | None]
"""From the headers of a socket's handshake to the reason why that page may not open it; `None` where it may."""


def own_pages(headers: Headers) -> str | None:
    """Admits programs, which send no `Origin`, and pages of the host that the request names."""
    origin = headers.get("origin")
    if origin is None or is_same_origin(origin, headers.get("host")):
        return None
    return "Pages of other origins may not open sockets here."


def client_name(name: object) -> str | None:
    """The client's name for its window.

    Raises:
        Refused: it is not a string, or longer than 128 characters.
    """
    if name is None or (isinstance(name, str) and len(name) <= LONGEST_CLIENT_NAME):
        return texts.storable(name) if name else None
    raise refusal(Code.BAD_REQUEST, f"The client's name is a string of at most {LONGEST_CLIENT_NAME} characters.")
