"""Measured quantities, round by round, and how they are shown: a table for eyes, JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity: our value in each round, and the baseline's where it has one."""

    name: str
    unit: str
    ours: tuple[float, ...]
    baseline: tuple[float, ...] = ()

    @property
    def ratio(self) -> float | None:
        """Ours to the baseline's of the same round: the median of the rounds."""
        if not self.baseline:
            return None
        return median(ours / theirs for ours, theirs in zip(self.ours, self.baseline, strict=True))

    def to_json(self) -> dict[str, Any]:
        """Medians, and every round behind them."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": median(self.ours),
            "baseline": median(self.baseline) if self.baseline else None,
            "ratio": self.ratio,
            "rounds": {"ours": self.ours, "baseline": self.baseline},
        }


def figure(name: str, unit: str, ours: float, baseline: float | None = None) -> Figure:
    """A quantity of one round."""
    return Figure(name, unit, (ours,), () if baseline is None else (baseline,))


def gathered(rounds: Sequence[Sequence[Figure]]) -> list[Figure]:
    """The same quantities of several rounds as one each."""
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
    """The value below which this share of them lies. Raises ValueError if there are none."""
    if not values:
        raise ValueError("nothing was measured")
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def table(heading: str, baseline: str, figures: Sequence[Figure]) -> str:
    """Medians as text. `baseline` says what the other column is."""
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
    """Three digits that count, no more."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def facts_line(facts: Mapping[str, Any]) -> str:
    """The machine in one line."""
    return ", ".join(f"{name} {value}" for name, value in facts.items())
