"""The address of a cluster: `redis+cluster://user:secret@host:6379,host:6379?option=value`."""

import re
from dataclasses import dataclass
from typing import Final, Self

ADDRESS: Final = re.compile(r"(rediss?)\+cluster://((?:[^@/?]*@)?)([^@/?]+)(/?\d*(?:\?.*)?)")
PORT: Final = 6379


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """How to reach each node of a cluster. A node is named by its host and port: `10.0.0.7:6379`, `[::1]:6379`."""

    seeds: tuple[str, ...]
    """The nodes that are asked for the others first."""
    _scheme: str
    _credentials: str
    _rest: str

    @classmethod
    def of(cls, url: str) -> Self | None:
        """Read `redis+cluster://…`, or `rediss+cluster://…` for TLS; None if the URL is of another kind."""
        if not (found := ADDRESS.fullmatch(url)):
            return None
        scheme, credentials, hosts, rest = found.groups()
        seeds = [host if re.search(r":\d+$", host) else f"{host}:{PORT}" for host in hosts.split(",")]
        return cls(tuple(seeds), scheme, credentials, rest)

    def url(self, node: str) -> str:
        """The address of one node: `redis://…` or `rediss://…`."""
        return f"{self._scheme}://{self._credentials}{node}{self._rest}"


def node_at(host: str, port: int) -> str:
    """How a node is named."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
