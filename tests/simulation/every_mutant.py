"""All mutants: importing this module plants nothing, but makes every one known."""

from __future__ import annotations

from tests.simulation import hostile_mutants, mutants, restore_mutants, tracking_mutants
from tests.simulation.planting import MUTANTS

__all__ = ["MUTANTS", "hostile_mutants", "mutants", "restore_mutants", "tracking_mutants"]
