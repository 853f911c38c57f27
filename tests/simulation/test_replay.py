"""The simulation itself: a seed decides everything, and a failing one is told so that a person can follow."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

from tests.simulation.many import run_many
from tests.simulation.run import App

ROOT = Path(__file__).resolve().parents[2]


def test_a_seed_does_the_same_again_in_a_house_that_lived_through_others(house: App) -> None:
    first = [house.simulate(seed).digest for seed in range(12)]
    again = [house.simulate(seed).digest for seed in reversed(range(12))]
    assert first == again[::-1]
    assert len(set(first)) == len(first)


def test_a_seed_does_the_same_in_another_process_under_another_hash_seed(house: App) -> None:
    mine = [house.simulate(seed).digest for seed in (3, 5, 8)]
    ask = (
        "from tests.simulation.many import mute; from tests.simulation.run import App; mute(); "
        "house = App(); print([house.simulate(seed).digest for seed in (3, 5, 8)])"
    )
    for hash_seed in ("1", "77"):
        told = subprocess.run(
            [sys.executable, "-c", ask],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert told.stdout.strip() == str(mine)


def test_a_run_tells_its_sum_and_its_pace() -> None:
    out = io.StringIO()
    assert run_many(10, 3, 1, out) == 0
    assert "3 seeds in" in out.getvalue()
    assert "0 seeds broke a promise" in out.getvalue()


def test_a_story_names_the_orders_what_befell_them_and_both_sides_books(house: App) -> None:
    story = house.simulate(5, always=True).story
    for part in ("seed 5: a ", "faults: ", "asks POST", "* packhouse bought", "carrier: ord_", "ledger: "):
        assert part in story
