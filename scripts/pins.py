"""Renews the exact pins in pyproject.toml: `python3 scripts/pins.py` takes the newest versions, `--check` only looks.

Every package, direct or not, is pinned for every platform and every Python that the project supports. The pins are
constraints in place of a lock file, because a lock file names the hosts that packages were downloaded from. They stand
in the table `[tool.uv]`: uv reads constraints of a project nowhere else, not even in a uv.toml.
`--check` ends with status 1 when a package that is needed has no pin, or a pin is of no use any more.

Runs on Python 3.9 and later with nothing but the standard library and uv.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from setup_steps import python
from setup_steps.terminal import ROOT, Stop, fail, run, say

PROJECT = ROOT / "pyproject.toml"
NEVER = "sys_platform == 'never'"
"""The marker by which pyproject.toml overrides a dependency away; whatever only such a one needs is not pinned."""

COMMENT = "# Exact versions of everything, on every platform; `python3 scripts/pins.py` renews them.\n"

_SECTION = re.compile(r"^\[tool\.uv\]\n(?:(?!\[).*\n)*?(?=\n*(?:\[|\Z))", re.MULTILINE)
_PINS = re.compile(r"^constraint-dependencies = \[\n.*?^\]\n", re.DOTALL | re.MULTILINE)


def main(arguments: list[str]) -> None:
    """Writes the newest pins, or with `--check` compares; ends the process with status 1 where they differ."""
    check = arguments == ["--check"]
    if arguments and not check:
        fail("Use `python3 scripts/pins.py`, or `python3 scripts/pins.py --check`.")
    try:
        project = PROJECT.read_text()
        if check:
            _compare(pinned(project), resolved(project))
            return
        found = resolved(_with(project, []))
    except Stop as stop:
        fail(str(stop))
    PROJECT.write_text(_with(project, found))
    say(f"{len(found)} pins in pyproject.toml")


def pinned(project: str) -> list[str]:
    """The pins in the text of a pyproject.toml."""
    pins = _PINS.search(project)
    return re.findall(r'^    "(.+)",$', pins[0], re.MULTILINE) if pins else []


def resolved(project: str) -> list[str]:
    """What uv chooses for the project in the text of a pyproject.toml: sorted `name==version`, with markers.

    Raises:
        Stop: there is no choice that fits, or uv cannot reach its index.
    """
    uv = python.uv()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "pyproject.toml").write_text(project)
        for name in ("README.md", "LICENSE"):
            shutil.copy(ROOT / name, folder)
        found = python.find_python(uv)
        where = ["--python", found] if found else ["--managed-python", "--python", python.VERSIONS[0]]
        run(uv, "lock", "--quiet", *where, folder=folder)
        flags = ("--no-hashes", "--no-annotate", "--no-header", "--no-emit-project", "--all-groups")
        exported = run(uv, "export", "--quiet", "--frozen", *where, *flags, folder=folder)
    return _needed(exported.splitlines())


def _needed(lines: Iterable[str]) -> list[str]:
    """The requirements that some platform installs. A marker stays only where a package has several versions."""
    found = [tuple(map(str.strip, line.partition(";")[::2])) for line in lines if line.strip()]
    wanted = sorted((_name(package), package, marker) for package, marker in found if marker != NEVER)
    names = [name for name, _, _ in wanted]
    return [
        f"{package} ; {marker}" if marker and names.count(name) > 1 else package for name, package, marker in wanted
    ]


def _name(package: str) -> str:
    return package.partition("==")[0]


def _with(project: str, pins: Iterable[str]) -> str:
    table = "constraint-dependencies = [\n" + "".join(f'    "{pin}",\n' for pin in pins) + "]\n"
    if _PINS.search(project):
        return _PINS.sub(lambda _: table, project)
    section = _SECTION.search(project)
    if not section:
        raise Stop("pyproject.toml has no table [tool.uv].")
    return f"{project[: section.end()]}{COMMENT}{table}{project[section.end() :]}"


def _compare(pins: list[str], needed: list[str]) -> None:
    missing, idle = sorted(set(needed) - set(pins)), sorted(set(pins) - set(needed))
    if missing or idle:
        lines = [*(f"  not pinned: {pin}" for pin in missing), *(f"  not needed: {pin}" for pin in idle)]
        fail("\n".join(["The pins do not fit what pyproject.toml asks for. Run `python3 scripts/pins.py`.", *lines]))


if __name__ == "__main__":
    main(sys.argv[1:])
