"""The exact versions in pyproject.toml."""

import re
import tomllib
from importlib.metadata import distributions

from tests.docs.fences import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINS = dict(pin.split("==") for pin in PROJECT["tool"]["uv"]["constraint-dependencies"])


def canonical(name: str) -> str:
    """The name as an index writes it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_everything_that_is_asked_for_is_pinned() -> None:
    asked = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    names = {canonical(re.split(r"[\[<>=; ]", each)[0]) for each in asked}
    assert names - PINS.keys() == set()


def test_what_is_installed_is_what_is_pinned() -> None:
    installed = {canonical(found.name): found.version for found in distributions()}
    installed.pop("transom", None)
    assert {name: version for name, version in installed.items() if PINS.get(name) != version} == {}


def test_nothing_names_a_host() -> None:
    assert [pin for pin in PINS.values() if "@" in pin or "/" in pin] == []
    assert not re.search(r"^(index|index-url|find-links)\b", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
