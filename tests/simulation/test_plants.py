"""The checker can see: each planted bug breaks a promise within 500 seeds, which hold without it."""

from __future__ import annotations

import pytest

from tests.simulation.plants import PLANTS
from tests.simulation.run import App

MOST_SEEDS = 500


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_bug_is_found(name: str, house: App) -> None:
    for seed in range(MOST_SEEDS):
        with PLANTS[name]():
            problems = house.simulate(seed).problems
        if problems:
            assert house.simulate(seed).problems == [], f"seed {seed} is broken without the plant too"
            print(f"{name}: seed {seed}: {problems[0]}")
            return
    pytest.fail(f"{MOST_SEEDS} seeds did not find it")
