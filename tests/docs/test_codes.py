"""The table of the codes that sockets close with, beside what clients make of them."""

import json
import re
import shutil
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from tests.docs.conftest import run
from tests.docs.fences import ROOT


def table() -> dict[int, bool]:
    """For each code whether to come back."""
    section = (
        (ROOT / "docs" / "protocol.md").read_text().partition("### When a socket closes\n")[2].partition("\n## ")[0]
    )
    rows = re.findall(r"^\| (\d{4}) \| .+ \| (yes|no)\b.* \|$", section, re.MULTILINE)
    return {int(code): answer == "yes" for code, answer in rows}


class Closing:
    """A server that closes the first socket for each code with it, and answers the next one."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    async def __call__(self, socket: ServerConnection) -> None:
        assert socket.request
        code = socket.request.path.removeprefix("/")
        assert json.loads(await socket.recv())["type"] == "connection_init"
        await socket.send('{"type":"connection_ack"}')
        subscribed = json.loads(await socket.recv())
        if code not in self._seen:
            self._seen.add(code)
            await socket.close(int(code))
            return
        await socket.send(json.dumps({"id": subscribed["id"], "type": "next", "payload": {"data": {"hello": True}}}))
        await socket.wait_closed()


async def test_graphql_ws_comes_back_as_the_table_says(npm: Path, tmp_path: Path) -> None:
    told = table()
    assert len(told) == 13
    (tmp_path / "node_modules").symlink_to(npm / "node_modules")
    shutil.copy(ROOT / "tests" / "docs" / "coming-back.mjs", tmp_path)
    async with serve(Closing(), "127.0.0.1", 0, subprotocols=[Subprotocol("graphql-transport-ws")]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        address = f"ws://127.0.0.1:{port}"
        found = json.loads(await run("node", "coming-back.mjs", address, *map(str, told), cwd=tmp_path))
    assert {int(code): back for code, back in found.items()} == told
