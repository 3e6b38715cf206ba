"""What was measured: medians with their spread, in a file for each question, and as a table on the terminal."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import machine

FOLDER = Path(__file__).parent / "results"

type Row = Mapping[str, Any]


def spread(values: Sequence[float], digits: int = 1) -> dict[str, float]:
    """The median of some rounds, with the least and the most."""
    return {
        "median": round(statistics.median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
    }


def keep(question: str, options: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """Writes the results of a question, in place of those of its last time.

    Where the option `only` says that some were left out, they go to a file of their own, which no page shows.
    """
    FOLDER.mkdir(exist_ok=True)
    found = {"question": question, "machine": machine.description(), "options": dict(options), "rows": list(rows)}
    name = f"{question}-some" if options.get("only") else question
    (FOLDER / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n")


def last(question: str) -> dict[str, Any] | None:
    """What `keep` has written last; None where there is nothing."""
    file = FOLDER / f"{question}.json"
    if not file.exists():
        return None
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def show(rows: Sequence[Row]) -> None:
    """Prints a table."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([text(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(names))]
    for number, line in enumerate(cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


def text(value: object) -> str:
    """A value as people read it."""
    match value:
        case None:
            return "–"
        case {"median": median, "min": least, "max": most}:
            return f"{text(median)} ({text(least)}–{text(most)})"
        case float() if abs(value) < 100:
            return f"{value:g}"
        case int() | float() if not isinstance(value, bool):
            return f"{value:,.0f}"
        case _:
            return str(value)
