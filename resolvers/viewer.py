"""The viewer."""

from chat.library import accounts
from schema.context import Info
from schema.viewer import Viewer


async def viewer(info: Info) -> Viewer:
    """The account that asks."""
    return Viewer.of(await accounts.me(info.context.scope))
