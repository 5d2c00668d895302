"""Figures to a Markdown table: one row a figure, one column a contender, each with its ratio to the first one's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

NOT_MEASURED = "–"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what it is, its value for each contender that has one, and how a value is written."""

    label: str
    values: Mapping[str, float]
    write: Callable[[float], str]


def milliseconds(seconds: float) -> str:
    """Write seconds as milliseconds with about three digits."""
    value = seconds * 1000
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms" if value >= 10 else f"{value:.2f} ms"


def seconds(value: float) -> str:
    """Write seconds."""
    return f"{value:.1f} s"


def megabytes(value: float) -> str:
    """Write bytes as millions of them."""
    return f"{value / 1e6:,.1f} MB" if value < 1e7 else f"{value / 1e6:,.0f} MB"


def markdown(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Return the table. The first name is what the others are divided by; what was not measured is a dash."""
    lines = [f"| what | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for row in rows:
        base = row.values.get(names[0])
        cells = [_cell(row, name, base, is_base=name == names[0]) for name in names]
        lines.append(f"| {row.label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: Row, name: str, base: float | None, *, is_base: bool) -> str:
    value = row.values.get(name)
    if value is None:
        return NOT_MEASURED
    if is_base or not base:
        return row.write(value)
    ratio = value / base
    return f"{row.write(value)} ({f'{ratio:,.0f}' if ratio >= 100 else f'{ratio:.3g}'}×)"
