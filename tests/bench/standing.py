"""The comparison of `peers` from its JSON: rows for a table, and a chart. Needs no package but for the chart.

`python -m tests.bench.standing FILE.json FILE.png` draws the chart; matplotlib is one of the benchmark's own
packages (tests/bench/engines/requirements.in).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.figures import number

_OURS = "Packhouse"


def lines(measured: dict[str, Any]) -> list[tuple[str, ...]]:
    """The head and a row a contestant: medians, and the medians of the ratios in the same round."""
    ours = [one for one in measured["contestants"] if one["name"].startswith(_OURS)]
    heads = tuple(f"{one['name']} ÷ it" for one in ours)
    rows = [("", "orders/s", *heads, "ms/order", "database, ms/order")]
    for one in measured["contestants"]:
        ratios = (ratio(each, one) for each in ours)
        rows.append(
            (
                one["name"],
                number(median(one["orders_per_s"])),
                *("" if one in ours else f"{value:.2f}" for value in ratios),
                number(median(one["cpu_ms"])),
                number(median(one["database_ms"])) if any(one["database_ms"]) else "",
            )
        )
    return rows


def ratio(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    """The median of the ratios of two contestants' orders a second in the same round."""
    pairs: Sequence[tuple[float, float]] = list(
        zip(ours["orders_per_s"], theirs["orders_per_s"], strict=True)
    )
    return median(mine / other for mine, other in pairs)


def draw(measured: dict[str, Any], cores: int, file: Path) -> None:
    """Horizontal bars with their numbers, the fastest on top."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    found = sorted(measured["contestants"], key=lambda one: median(one["orders_per_s"]))
    speeds = [median(one["orders_per_s"]) for one in found]
    colours = ["#1f6feb" if one["name"].startswith(_OURS) else "#b7bdc6" for one in found]
    figure, axes = pyplot.subplots(figsize=(8, 0.42 * len(found) + 1.1), layout="constrained")
    bars = axes.barh([one["name"] for one in found], speeds, color=colours)
    axes.bar_label(bars, [number(speed) for speed in speeds], padding=4)
    axes.set_xlabel(
        f"orders/s; {measured['count']:,} orders at once, concurrency {measured['concurrency']}, "
        f"median of {measured['rounds']}, {cores} cores"
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.1)
    figure.savefig(file, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    kept = json.loads(Path(sys.argv[1]).read_text())
    draw(kept["benches"]["peers"], kept["machine"]["cores"], Path(sys.argv[2]))
