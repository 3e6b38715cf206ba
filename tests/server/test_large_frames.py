"""How large a message on a socket may be, at a server as it is started."""

from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from server.serving import LARGEST_FRAME
from tests.server.served import Served
from tests.server.sockets import Socket, socket

ENOUGH = {"query": "{ viewer { id } }"}


async def greet(client: Socket) -> None:
    await client.say(type="connection_init")
    assert await client.hear() == {"type": "connection_ack"}


def message(characters: int) -> dict[str, Any]:
    """A `subscribe` whose text has so many characters."""
    return {"id": "1", "type": "subscribe", "payload": {**ENOUGH, "variables": {"x": "x" * characters}}}


@pytest.mark.parametrize("characters", [1_000_001, LARGEST_FRAME - 200])
async def test_an_operation_that_is_too_large_is_told_so_and_the_socket_goes_on(
    served: Served, characters: int
) -> None:
    async with socket(served) as client:
        await greet(client)
        await client.say(**message(characters))
        heard = await client.hear()
        assert (heard["id"], heard["type"]) == ("1", "error")
        (error,) = heard["payload"]
        assert error["extensions"] == {"code": "BAD_REQUEST"}
        assert error["message"].startswith("A message may have at most 1,000,000 bytes; this one has ")
        await client.say(id="1", type="subscribe", payload=ENOUGH)
        assert [(await client.hear())["type"] for _ in range(2)] == ["next", "complete"]


async def test_a_message_beyond_all_bounds_closes_the_socket(served: Served) -> None:
    async with socket(served) as client:
        await greet(client)
        with suppress(ConnectionClosed):  # the server does not wait for the end of it
            await client.say(**message(LARGEST_FRAME))
        assert (await client.closed())[0] == 1009
