"""Renews the exact pins in uv.toml: `python3 scripts/pins.py` takes the newest versions, `--check` only looks.

Every package, direct or not, is pinned for every platform and every Python that the project supports. The pins are
constraints in place of a lock file, because a lock file names the hosts that packages were downloaded from.
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

PINS = ROOT / "uv.toml"
NEVER = "sys_platform == 'never'"
"""The marker by which uv.toml overrides a dependency away; whatever only such a one needs is not pinned."""

_TABLE = re.compile(r"^constraint-dependencies = \[\n.*?^\]\n", re.DOTALL | re.MULTILINE)


def main(arguments: list[str]) -> None:
    """Writes the newest pins, or with `--check` compares; ends the process with status 1 where they differ."""
    check = arguments == ["--check"]
    if arguments and not check:
        fail("Use `python3 scripts/pins.py`, or `python3 scripts/pins.py --check`.")
    try:
        settings = PINS.read_text()
        if check:
            _compare(pinned(settings), resolved(settings))
            return
        found = resolved(_with(settings, []))
    except Stop as stop:
        fail(str(stop))
    PINS.write_text(_with(settings, found))
    say(f"{len(found)} pins in uv.toml")


def pinned(settings: str) -> list[str]:
    """The pins in the text of a uv.toml."""
    table = _TABLE.search(settings)
    return re.findall(r'^    "(.+)",$', table[0], re.MULTILINE) if table else []


def resolved(settings: str) -> list[str]:
    """What uv chooses for the project under the settings of a uv.toml: sorted `name==version`, with markers.

    Raises:
        Stop: there is no choice that fits, or uv cannot reach its index.
    """
    uv = python.uv()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "uv.toml").write_text(settings)
        for name in ("pyproject.toml", "README.md", "LICENSE"):
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
    wanted = [(package, marker) for package, marker in found if marker != NEVER]
    names = [package.partition("==")[0] for package, _ in wanted]
    return sorted(
        f"{package} ; {marker}" if marker and names.count(package.partition("==")[0]) > 1 else package
        for package, marker in wanted
    )


def _with(settings: str, pins: Iterable[str]) -> str:
    table = "constraint-dependencies = [\n" + "".join(f'    "{pin}",\n' for pin in pins) + "]\n"
    if not _TABLE.search(settings):
        return f"{settings.rstrip()}\n\n{table}"
    return _TABLE.sub(lambda _: table, settings)


def _compare(pins: list[str], needed: list[str]) -> None:
    missing, idle = sorted(set(needed) - set(pins)), sorted(set(pins) - set(needed))
    if missing or idle:
        lines = [*(f"  not pinned: {pin}" for pin in missing), *(f"  not needed: {pin}" for pin in idle)]
        fail("uv.toml does not fit pyproject.toml. Run `python3 scripts/pins.py`.\n" + "\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
