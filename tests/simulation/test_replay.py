"""The simulation itself: a seed decides everything, and its report is complete."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

from tests.simulation.many import run_many
from tests.simulation.run import Simulation

ROOT = Path(__file__).resolve().parents[2]


def test_a_seed_runs_the_same_after_other_seeds(simulation: Simulation) -> None:
    first = [simulation.simulate(seed).digest for seed in range(12)]
    again = [simulation.simulate(seed).digest for seed in reversed(range(12))]
    assert first == again[::-1]
    assert len(set(first)) == len(first)


def test_a_seed_runs_the_same_in_another_process_with_another_hash_seed(simulation: Simulation) -> None:
    mine = [simulation.simulate(seed).digest for seed in (3, 5, 8)]
    ask = (
        "from tests.simulation.many import silence_logs; from tests.simulation.run import Simulation; "
        "silence_logs(); "
        "simulation = Simulation(); print([simulation.simulate(seed).digest for seed in (3, 5, 8)])"
    )
    for hash_seed in ("1", "77"):
        printed = subprocess.run(
            [sys.executable, "-c", ask],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert printed.stdout.strip() == str(mine)


def test_a_run_prints_its_totals_and_its_speed() -> None:
    out = io.StringIO()
    assert run_many(10, 3, 1, out) == 0
    assert "3 seeds in" in out.getvalue()
    assert "0 seeds broke a promise" in out.getvalue()


def test_a_report_names_the_orders_their_events_and_the_records_of_both_sides(simulation: Simulation) -> None:
    report = simulation.simulate(5, always=True).report
    for part in ("seed 5: a ", "faults: ", "sends POST", "* packhouse bought", "provider: ord_", "ledger: "):
        assert part in report
