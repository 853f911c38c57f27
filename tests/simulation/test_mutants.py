"""The checks work: each mutant breaks a promise within 500 seeds, which all pass without it."""

from __future__ import annotations

import pytest

from tests.simulation.mutants import MUTANTS
from tests.simulation.run import Simulation

MOST_SEEDS = 500


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_found(name: str, simulation: Simulation) -> None:
    for seed in range(MOST_SEEDS):
        with MUTANTS[name]():
            problems = simulation.simulate(seed).problems
        if problems:
            assert simulation.simulate(seed).problems == [], (
                f"seed {seed} also breaks a promise without the mutant"
            )
            print(f"{name}: seed {seed}: {problems[0]}")
            return
    pytest.fail(f"{MOST_SEEDS} seeds did not find the mutant")
