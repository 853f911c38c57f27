"""Finds a seed that shows each mutant, and keeps it in found_by.json, because a search takes minutes."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from tests.simulation.every_mutant import MUTANTS
from tests.simulation.run import Outcome, Simulation

FOUND_BY = Path(__file__).parent / "found_by.json"
MOST_SEEDS = 500
# These found rare mutants once. They are tried before all others, but after the one that found it last.
_LUCKY = (676, 2463, 104, 100, 76, 49, 42, 33, 29, 28, 16)


def find(simulation: Simulation, name: str, *, first: int | None = None) -> Outcome | None:
    """The first seed that breaks a promise with this mutant alone; `first` is tried before all others."""
    last = () if first is None else (first,)
    for seed in dict.fromkeys((*last, *range(10), *_LUCKY, *range(MOST_SEEDS))):
        with MUTANTS[name]():
            outcome = simulation.simulate(seed)
        if outcome.problems and not simulation.simulate(seed).problems:
            return outcome
    return None


def search(names: Sequence[str], out: TextIO) -> int:
    """Find these mutants, or all, and write their seeds down; returns how many were not found."""
    simulation = Simulation()
    found_by = json.loads(FOUND_BY.read_text()) if FOUND_BY.exists() else {}
    missed = 0
    for name in names or MUTANTS:
        began = time.monotonic()
        outcome = find(simulation, name, first=found_by.get(name))
        seconds = time.monotonic() - began
        if outcome is None:
            missed += 1
            found_by.pop(name, None)
            print(f"{name}: not found by {MOST_SEEDS} seeds, {seconds:.0f} s", file=out, flush=True)
            continue
        found_by[name] = outcome.seed
        first = outcome.problems[0]
        print(f"{name}: seed {outcome.seed}, {seconds:.0f} s: {first}", file=out, flush=True)
        FOUND_BY.write_text(json.dumps({n: found_by[n] for n in MUTANTS if n in found_by}, indent=2) + "\n")
    return missed
