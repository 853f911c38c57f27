"""Measured quantities of each round, as a table for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity: Packhouse's value in each round, and the baseline's if it has one."""

    name: str
    unit: str
    ours: tuple[float, ...]
    baseline: tuple[float, ...] = ()

    @property
    def ratio(self) -> float | None:
        """The median of the ratios of Packhouse's value to the baseline's in the same round."""
        if not self.baseline:
            return None
        return median(ours / theirs for ours, theirs in zip(self.ours, self.baseline, strict=True))

    def to_json(self) -> dict[str, Any]:
        """The medians, and the values of every round."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": median(self.ours),
            "baseline": median(self.baseline) if self.baseline else None,
            "ratio": self.ratio,
            "rounds": {"ours": self.ours, "baseline": self.baseline},
        }


def figure(name: str, unit: str, ours: float, baseline: float | None = None) -> Figure:
    """One quantity of one round."""
    return Figure(name, unit, (ours,), () if baseline is None else (baseline,))


def gathered(rounds: Sequence[Sequence[Figure]]) -> list[Figure]:
    """Combine the quantities of several rounds."""
    return [
        Figure(
            same[0].name,
            same[0].unit,
            tuple(value for one in same for value in one.ours),
            tuple(value for one in same for value in one.baseline),
        )
        for same in zip(*rounds, strict=True)
    ]


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies. Raises ValueError without values."""
    if not values:
        raise ValueError("nothing was measured")
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def table(heading: str, baseline: str, figures: Sequence[Figure]) -> str:
    """The medians as a table. `baseline` names the baseline."""
    rows = [(heading, "", "packhouse", "baseline", "ratio")]
    for one in figures:
        theirs = number(median(one.baseline)) if one.baseline else ""
        ratio = f"{one.ratio:.2f}" if one.ratio is not None else ""
        rows.append((one.name, one.unit, number(median(one.ours)), theirs, ratio))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [
        "  ".join(
            cell.ljust(width) if at < 2 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:], f"baseline: {baseline}"])


def number(value: float) -> str:
    """Three significant digits."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def facts_line(facts: Mapping[str, Any]) -> str:
    """The facts of the machine in one line."""
    return ", ".join(f"{name} {value}" for name, value in facts.items())
