"""Open WebUI as it comes from PyPI, in an environment of its own; it is installed and run, and nothing of it is here.

What only its machine learning needs is left out (no chat of the measurement uses it): PyTorch and what runs models in
its own process. `bench/peers/open-webui.txt` has the exact versions.
"""

import os
import shutil
import subprocess
from pathlib import Path

from bench.served import PEERS, ROOT

VERSIONS = PEERS / "open-webui.txt"
FOLDER = ROOT / ".tools" / "open-webui"
PYTHON = "3.12"
"""The newest that it takes."""


def open_webui() -> Path:
    """The path of its command. The first time it is downloaded: 1 GB on disk, about a minute."""
    done, wanted = FOLDER / "versions.txt", VERSIONS.read_text()
    if not done.exists() or done.read_text() != wanted:
        found = shutil.which("uv")
        uv = found or str(ROOT / ".tools" / "uv" / "bin" / "uv")
        print(f"Installing Open WebUI in {FOLDER}", flush=True)
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", _python(), str(FOLDER)], check=True)
        into = ["--python", str(FOLDER / "bin" / "python")]
        # Elsewhere, because uv would take the versions of this project.
        subprocess.run([uv, "pip", "install", "--quiet", *into, "--no-deps", "-r", str(VERSIONS)], cwd="/", check=True)
        done.write_text(wanted)
    return FOLDER / "bin" / "open-webui"


def _python() -> str:
    """One that pyenv has, or whichever uv finds or brings."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return next(map(str, sorted(root.glob(f"versions/{PYTHON}.*/bin/python{PYTHON}"), reverse=True)), PYTHON)


def version() -> str:
    """Which one it is."""
    (found,) = (line for line in VERSIONS.read_text().splitlines() if line.startswith("open-webui=="))
    return found.partition("==")[2]
