"""The checks work: each mutant breaks a promise at some seed, which passes without it."""

from __future__ import annotations

import pytest

from tests.simulation.restore_mutants import MUTANTS
from tests.simulation.run import Simulation

MOST_SEEDS = 500
# The seeds that found a mutant last; they are tried first, so that a search is short while they still do.
LAST_FOUND_BY = (0, 1, 2, 3, 8, 13, 16, 17, 28, 29, 33, 42, 49, 76, 100, 104, 676, 2463)


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_found(name: str, simulation: Simulation) -> None:
    for seed in dict.fromkeys((*LAST_FOUND_BY, *range(MOST_SEEDS))):
        with MUTANTS[name]():
            problems = simulation.simulate(seed).problems
        if problems:
            assert simulation.simulate(seed).problems == [], (
                f"seed {seed} also breaks a promise without the mutant"
            )
            print(f"{name}: seed {seed}: {problems[0]}")
            return
    pytest.fail(f"{MOST_SEEDS} seeds did not find the mutant")
