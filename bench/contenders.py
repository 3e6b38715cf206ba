"""Who is measured: Transom, what a user would pick instead, and ceilings."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import engines
from bench import served
from db import migrate
from server.settings import Settings


@dataclass(frozen=True, slots=True)
class Contender:
    """A server under test."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ours: bool = False
    """Whether it is Transom, whose windows are told when they have caught up."""
    guess: int = 5_000
    """About how many deliveries a second it can do; a search begins there."""


WHOLE = "Transom, the whole path"
PROVIDED = "Transom, the whole path, model over HTTP"
DELIVERY = "Transom, delivery alone"
WINDOWS = "Transom, windows of another process"

PEERS = (
    Contender("Strawberry", served.python("bench.peers.plain_strawberry"), guess=6_000),
    Contender("Ariadne", served.python("bench.peers.plain_ariadne"), guess=6_000),
    Contender("GraphQL Yoga + graphql-ws", served.node("yoga.mjs"), guess=20_000),
    Contender("Apollo Server + graphql-ws", served.node("apollo.mjs"), guess=20_000),
    Contender("Mercurius", served.node("mercurius.mjs"), guess=25_000),
    Contender("Mercurius with JIT", served.node("mercurius.mjs", "jit"), guess=25_000),
)
CEILINGS = (
    Contender("Starlette, ready bytes", served.python("bench.peers.ready_bytes"), guess=60_000),
    Contender("bare sockets, ready bytes", served.python("bench.peers.bare_sockets"), guess=100_000),
)


@contextmanager
def transom() -> Iterator[dict[str, Contender]]:
    """Transom on embedded engines of its own, which run on the core of the load. By name."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        settings = Settings(data_dir=Path(folder), model_url="none:")
        with engines.running(settings) as urls:
            asyncio.run(migrate.upgrade(urls.database))
            environment = {
                "TRANSOM_DATABASE_URL": urls.database,
                "TRANSOM_REDIS_URL": urls.redis,
                "TRANSOM_MODEL_URL": "none:",
            }
            kinds = {
                WHOLE: ("whole", 15_000),
                PROVIDED: ("provided", 5_000),
                DELIVERY: ("delivery", 50_000),
                WINDOWS: ("windows", 0),
            }
            yield {
                name: Contender(name, served.python("bench.peers.transom", kind), environment, ours=True, guess=guess)
                for name, (kind, guess) in kinds.items()
            }


def present(contenders: Iterable[Contender]) -> list[Contender]:
    """Those that can run here; says which cannot, and why."""
    found = []
    for contender in contenders:
        if reason := _missing(contender):
            print(f"{contender.name} is left out: {reason}")
        else:
            found.append(contender)
    return found


def _missing(contender: Contender) -> str | None:
    if contender.command[0] == "node":
        if shutil.which("node") is None:
            return "there is no Node.js"
        if not (served.PEERS / "node_modules").exists():
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=served.PEERS, check=True)
    elif contender.name == "Ariadne" and find_spec("ariadne") is None:
        return "it is not installed (`uv sync --group bench`)"
    return None


def chosen(contenders: Iterable[Contender], names: str | None) -> list[Contender]:
    """Those whose name contains one of these words, separated by commas; all if there are none."""
    words = [word.strip().lower() for word in (names or "").split(",") if word.strip()]
    return [each for each in contenders if not words or any(word in each.name.lower() for word in words)]


os.environ.setdefault("NODE_ENV", "production")
