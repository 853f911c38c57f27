"""The tables of the performance page come from the JSON that the benchmarks wrote."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "docs"))

import measurements  # noqa: E402

MACHINE = {
    "cores": 2,
    "processor": "Intel(R) Xeon(R) Processor",
    "system": "Linux 6.1.0-9-amd64",
    "python": "3.12.1",
    "sqlite": "3.45.0",
    "load_before": 0.1,
    "load_after": 1.5,
}


def contestant(name: str, speeds: list[float], database_ms: float = 0.0) -> dict[str, Any]:
    return {
        "name": name,
        "orders": 10,
        "orders_per_s": speeds,
        "cpu_ms": [4.0] * len(speeds),
        "database_ms": [database_ms] * len(speeds),
    }


def keep(folder: Path, file: str, **benches: Any) -> None:
    (folder / file).write_text(json.dumps({"machine": MACHINE, "benches": benches}))


def test_the_table_of_contestants_has_packhouse_over_each_of_them(tmp_path: Path) -> None:
    contestants = [contestant("Packhouse, SQLite", [100.0, 300.0]), contestant("queue", [50.0, 100.0], 2.0)]
    keep(
        tmp_path,
        "peers.json",
        peers={"count": 1000, "rounds": 2, "concurrency": 16, "contestants": contestants},
    )
    shown = measurements.parts(tmp_path)["measured-peers"]()
    assert "| Packhouse, SQLite | 200 |  | 4.00 |  |" in shown
    assert "| queue | 75.0 | 2.50 | 4.00 | 2.00 |" in shown
    assert "Medians of 2 rounds, 1,000 in each, 16 at a time. 2 cores (Intel Xeon Processor), Linux" in shown
    assert "amd64" not in shown


def test_a_figure_without_a_baseline_has_empty_cells(tmp_path: Path) -> None:
    figures = [
        {"name": "answered", "unit": "events/s", "ours": 1500.0, "baseline": 3000.0, "ratio": 0.5},
        {"name": "wait", "unit": "s", "ours": 0.25, "baseline": None, "ratio": None},
    ]
    keep(
        tmp_path,
        "a.json",
        intake={"count": 5, "rounds": 1, "baseline": "the least server", "figures": figures},
    )
    shown = measurements.parts(tmp_path)["measured-intake"]()
    assert "| answered | events/s | 1,500 | 3,000 | 0.50 |" in shown
    assert "| wait | s | 0.25 |  |  |" in shown
    assert "Baseline: the least server." in shown
    assert "One round, 5 in each." in shown


def test_a_benchmark_in_two_files_is_refused(tmp_path: Path) -> None:
    keep(tmp_path, "a.json", peers={})
    keep(tmp_path, "b.json", peers={})
    with pytest.raises(ValueError, match="peers is in another file too"):
        measurements.parts(tmp_path)
