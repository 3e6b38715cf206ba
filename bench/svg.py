"""Bars, drawn as SVG that is readable on light and dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, NAMES, NUMBERS, LINE = 760, 240, 150, 26
_STYLE = (
    "<style>text{font:13px system-ui,sans-serif;fill:#57606a}.title{font-weight:600}.bar{fill:#8c959f}"
    ".ours{fill:#0969da}.ceiling{fill:#d0d7de}.spread{stroke:#57606a;stroke-width:1.5}"
    "@media(prefers-color-scheme:dark){text{fill:#9da7b3}.ours{fill:#4493f8}.bar{fill:#6e7681}.ceiling{fill:#3d444d}"
    ".spread{stroke:#9da7b3}}</style>"
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One value with its spread; `kind` is `ours`, `bar` or `ceiling`."""

    name: str
    median: float
    least: float
    most: float
    kind: str = "bar"


def bars(title: str, unit: str, drawn: Sequence[Bar]) -> str:
    """A chart of horizontal bars, in the order given; the thin line is the spread of the rounds."""
    room = WIDTH - NAMES - NUMBERS
    scale = room / max((bar.most for bar in drawn), default=1) if any(bar.most for bar in drawn) else 0
    height = LINE * (len(drawn) + 1) + 14
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}">{_STYLE}',
        f'<text class="title" x="0" y="18">{escape(title)}</text>',
    ]
    for number, bar in enumerate(drawn, start=1):
        top = LINE * number + 6
        middle, length = top + 9, max(bar.median * scale, 1)
        lines += [
            f'<text x="0" y="{top + 13}">{escape(bar.name)}</text>',
            f'<rect class="{bar.kind}" x="{NAMES}" y="{top}" width="{length:.1f}" height="18" rx="2"/>',
            f'<path class="spread" d="M{NAMES + bar.least * scale:.1f} {middle}H{NAMES + bar.most * scale:.1f}"/>',
            f'<text x="{NAMES + bar.most * scale + 8:.1f}" y="{top + 13}">{_number(bar.median)} {escape(unit)}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
