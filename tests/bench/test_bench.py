"""The benchmarks return values from runs that the audit accepts; no test depends on the size of a value."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgres
from tests.bench.figures import Figure, percentile, table
from tests.bench.gauges import supported

ROOT = Path(__file__).parents[2]


@pytest.mark.e2e
@pytest.mark.skipif(not supported(), reason="processes are read from /proc, which only Linux has")
@pytest.mark.parametrize(
    ("bench", "count", "kinds"),
    [
        ("orders", 30, 10 if postgres.is_installed() else 7),
        ("latency", 20, 3),
        ("calm", 10, 3),
        ("idle", 2, 3),
        ("intake", 60, 6),
        ("bulk", 100, 4),
        ("start", 2, 10),
        ("replicas", 12, 4),
        ("overload", 1, 10),
        ("history", 40, 29),
        ("due", 30, 2),
    ],
)
def test_a_bench_measures_itself_and_its_baseline(tmp_path: Path, bench: str, count: int, kinds: int) -> None:
    if bench == "replicas" and not postgres.is_installed():
        pytest.skip("PostgreSQL is not installed")
    kept = tmp_path / "numbers.json"
    asked = [sys.executable, "-m", "tests.bench", bench, "--rounds", "1", "--json", str(kept)]
    counts = [
        word
        for name in (
            "--orders",
            "--calm",
            "--idle",
            "--deliveries",
            "--items",
            "--starts",
            "--shared",
            "--seconds",
            "--finished",
            "--due",
        )
        for word in (name, str(count))
    ]
    ended = subprocess.run([*asked, *counts], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    numbers = json.loads(kept.read_text())
    figures = numbers["benches"][bench]["figures"]
    assert len(figures) == kinds
    for figure in figures:
        assert figure["ours"] > 0
        assert math.isfinite(figure["ours"])
        assert figure["name"] in ended.stdout
        if figure["baseline"] is not None:
            assert figure["ratio"] == pytest.approx(figure["ours"] / figure["baseline"])
    assert numbers["benches"][bench]["count"] == count
    assert numbers["machine"]["cores"] >= 1


def test_the_ratio_is_the_median_of_paired_rounds_and_not_a_ratio_of_medians() -> None:
    figure = Figure("speed", "per s", (10.0, 20.0, 90.0), (10.0, 40.0, 30.0))
    assert figure.ratio == 1.0
    assert Figure("wait", "s", (1.0,)).ratio is None


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(value) for value in range(1, 101)]
    assert percentile(values, 0.5) == 51
    assert percentile(values, 0.99) == 100
    assert percentile([7.0], 0.99) == 7
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_the_table_leaves_out_what_has_no_baseline() -> None:
    shown = table(
        "orders", "bare calls", [Figure("wait", "s", (0.5,)), Figure("rate", "1/s", (200.0,), (400.0,))]
    )
    rows = [line.split() for line in shown.splitlines()]
    assert ["wait", "s", "0.50"] in rows
    assert ["rate", "1/s", "200", "400", "0.50"] in rows
