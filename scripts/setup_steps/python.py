"""uv, a Python, and the packages in `.venv`."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from .terminal import ROOT, TOOLS, Stop, fingerprint, run, say, stamped, works

UV = "0.13.8"
OLDEST_UV = (0, 9)
VERSIONS = ("3.13", "3.12", "3.14")  # in order of preference

VENV = ROOT / ".venv"
_STAMP = VENV / ".synced"
_CHOICES = ("pyproject.toml",)


def prepare() -> None:
    """Makes `.venv` hold exactly what the project asks for."""
    wanted = fingerprint(ROOT / name for name in _CHOICES)
    if stamped(_STAMP, wanted) and (VENV / "bin" / "python").exists():
        return
    command = uv()
    found = find_python(command)
    where = ["--python", found] if found else ["--managed-python", "--python", VERSIONS[0]]
    say(f"Packages into .venv, with {found or f'a Python {VERSIONS[0]} that uv brings'}")
    run(command, "sync", "--quiet", *where, env=_own_environment())
    _STAMP.write_text(wanted)


def uv() -> str:
    """The command of a uv that works; brings one into `.tools` if the machine has none.

    Raises:
        Stop: there is no uv and no pip to bring it.
    """
    brought = TOOLS / "uv" / "bin" / "uv"
    for candidate in (shutil.which("uv"), str(brought)):
        version = re.match(r"uv (\d+)\.(\d+)", works(candidate, "--version") or "") if candidate else None
        if candidate and version and (int(version[1]), int(version[2])) >= OLDEST_UV:
            return candidate
    say("uv into .tools")
    run(
        *_pip(), "install", "--quiet", "--disable-pip-version-check", "--upgrade", "--target", TOOLS / "uv", f"uv=={UV}"
    )
    return str(brought)


def find_python(command: str) -> str | None:
    """The path of the best Python on this machine, or `None` if it has none of `VERSIONS`."""
    for version in VERSIONS:
        for candidate in (
            works(command, "python", "find", "--no-python-downloads", "--system", version),
            *_pyenv(version),
        ):
            if candidate and works(candidate, "-c", "import sys, venv; print(sys.version)") is not None:
                return candidate
    return None


def _pyenv(version: str) -> list[str]:
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return [str(path) for path in sorted(root.glob(f"versions/{version}.*/bin/python{version}"), reverse=True)]


def _pip() -> list[str]:
    pyenv = [path for version in ("3", *VERSIONS) for path in _pyenv(version)]
    for python in (sys.executable, "/usr/bin/python3", *pyenv):
        if works(python, "-m", "pip", "--version"):
            return [python, "-m", "pip"]
    if works(sys.executable, "-m", "ensurepip", "--version"):
        TOOLS.mkdir(exist_ok=True)
        run(sys.executable, "-m", "venv", TOOLS / "pip")
        return [str(TOOLS / "pip" / "bin" / "python"), "-m", "pip"]
    raise Stop("This Python has no pip. Install uv (or python3-pip), then try again.")


def _own_environment() -> dict[str, str]:
    """Keeps a virtual environment that happens to be active out of the project's."""
    return {"VIRTUAL_ENV": "", "UV_PROJECT_ENVIRONMENT": str(VENV)}
