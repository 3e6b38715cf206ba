"""A ceiling: Starlette sockets that are sent ready bytes, one window after the other. There is no GraphQL in it."""

from collections import defaultdict

import orjson
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bench.peers import control
from bench.peers.frames import next_text

windows: dict[str, list[WebSocket]] = defaultdict(list)


async def follow(socket: WebSocket) -> None:
    await socket.accept("graphql-transport-ws")
    joined: list[WebSocket] = []
    try:
        while True:
            message = orjson.loads(await socket.receive_text())
            if message["type"] == "connection_init":
                await socket.send_text('{"type":"connection_ack"}')
            elif message["type"] == "subscribe":
                joined = windows[message["payload"]["variables"]["id"]]
                joined.append(socket)
    except WebSocketDisconnect:
        if joined:
            joined.remove(socket)


async def publish(session: int, number: int, stamp: int) -> None:
    id_ = control.id_of(session)
    frame = next_text(id_, number, control.text(number, stamp))
    for socket in windows[id_]:
        await socket.send_text(frame)


if __name__ == "__main__":
    routes = [WebSocketRoute("/graphql", follow)]
    control.serve(Starlette(routes=routes), publish, ws="websockets-sansio", ws_per_message_deflate=False)
