"""The checks work: each mutant breaks a promise at some seed, which passes without it."""

from __future__ import annotations

import json

import pytest

from tests.simulation.every_mutant import MUTANTS
from tests.simulation.run import Simulation
from tests.simulation.search import FOUND_BY, find

# A coroutine of a killed process may raise an error when it is freed.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
_FOUND_BY = json.loads(FOUND_BY.read_text())


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_found(name: str, simulation: Simulation) -> None:
    """By the seed that found it last; after a change of the product, by a search, to be written down."""
    found = find(simulation, name, first=_FOUND_BY.get(name))
    if found is None:
        pytest.fail("no seed found the mutant")
    print(f"{name}: seed {found.seed}: {found.problems[0]}")
    if found.seed != _FOUND_BY.get(name):
        print("write it down: python -m tests.simulation find")


def test_no_seed_is_written_down_for_a_mutant_that_is_gone() -> None:
    assert _FOUND_BY.keys() <= MUTANTS.keys()
