"""Draws the last results, and writes their tables into the pages about performance.

    .venv/bin/python -m bench.charts

A table stands between `<!-- bench: name -->` and `<!-- end -->`; of a question without results it stays as it is.
"""

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import contenders, results
from bench.svg import Bar, bars

DOCS = Path(__file__).parent.parent / "docs"
CHARTS = DOCS / "performance"
QUESTIONS = {
    "performance.md": (
        *("fanout-2", "fanout-20", "fanout-1000", "latency", "windows", "attach", "memory", "soak", "plan"),
        *("tokens", "tokens-most", "tokens_http", "first_token", "chunks", "sending", "start"),
    ),
    "performance-pages.md": ("pages", "pages-reads", "growth", "lists"),
}
"""What each page has tables of."""


def main() -> None:
    """Writes the charts and the pages; says what it has written."""
    CHARTS.mkdir(exist_ok=True)
    for name, questions in QUESTIONS.items():
        file = DOCS / name
        page = file.read_text()
        for question in questions:
            page = _renewed(page, question)
        file.write_text(page)


def _renewed(page: str, question: str) -> str:
    """The page with the last results of a question, whose charts are drawn."""
    found = results.last(question)
    if found is None:
        print(f"{question}: no results")
        return page
    for name, chart in _charts(question, found["rows"]):
        (CHARTS / f"{name}.svg").write_text(chart)
    print(f"{question}: written")
    return put(page, question, table(_table(found["rows"])) + "\n" + _measured(found))


def put(page: str, name: str, text: str) -> str:
    """The page with this text between the marks of a table."""
    marks = re.compile(rf"(<!-- bench: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    return marks.sub(lambda found: f"{found[1]}\n{text}\n{found[2]}", page)


def table(rows: Sequence[results.Row]) -> str:
    """A table in Markdown."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---"] * len(names), *([results.text(row.get(name)) for name in names] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _measured(found: dict[str, Any]) -> str:
    machine = found["machine"]
    system = machine["system"].partition("-")[0]  # what follows is how somebody has called a kernel of theirs
    said = (
        f"Measured {machine['at']} UTC with `{_command(found)}`: {machine['cores']} cores ({machine['processor']}), "
        f"Python {machine['python']}, {system}; load average {machine['load_average']:.1f} at the end."
    )
    return textwrap.fill(said, 120, break_long_words=False, break_on_hyphens=False) + "\n"


def _command(found: dict[str, Any]) -> str:
    options = [f"--{name} {value}" for name, value in found["options"].items() if value is not None]
    return " ".join(["python -m bench." + found["question"].partition("-")[0], *options])


def _table(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows as people read them: without what every row repeats, and without figures of what was never done."""
    return [
        {
            _heading(name): cell if _done(row) or name in ("server", "deliveries/s") else None
            for name, cell in row.items()
        }
        for row in ({name: cell for name, cell in row.items() if name not in ("shape", "seen")} for row in rows)
    ]


def _heading(name: str) -> str:
    return re.sub(r"_us\b", " µs", name).replace("_", " ")


def _done(row: dict[str, Any]) -> bool:
    rate = row.get("deliveries/s")
    return not isinstance(rate, dict) or rate["median"] > 0


def _charts(question: str, rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    match question:
        case "fanout-2" | "fanout-20" | "fanout-1000":
            title = f"Deliveries a second of one core, {rows[0]['shape']} a session"
            return [(question, bars(title, "/s", _bars(rows, "deliveries/s")))]
        case "latency":
            known = [row for row in rows if row["p99 ms"]]
            return [("latency", bars("Publish to window at half load, p99", "ms", _bars(known, "p99 ms")))]
        case "memory":
            alone = [row for row in rows if row["subscriptions on a socket"] == 1]
            return [("memory", bars("Memory of an idle window on its own socket", "kB", _bars(alone, "kB per window")))]
        case _:
            return []


def _bars(rows: list[dict[str, Any]], value: str) -> list[Bar]:
    return [Bar(row["server"], row[value]["median"], row[value]["min"], row[value]["max"], _kind(row)) for row in rows]


def _kind(row: dict[str, Any]) -> str:
    if row["server"] in (contenders.WHOLE, contenders.DELIVERY, contenders.WINDOWS):
        return "ours"
    return "ceiling" if row["server"] in {each.name for each in contenders.CEILINGS} else "bar"


if __name__ == "__main__":
    main()
