"""Bugs to plant in what asks about parcels and acts on the answers, besides those of mutants.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from packhouse.ledger import tracking
from tests.simulation.planting import planted, replaced


@planted
def news_is_written_and_its_order_is_not_woken() -> Iterator[None]:
    """What a tracker said is written, and what follows from it is left to somebody else."""

    def mutated(real: Any) -> Any:
        return lambda tx, looks: real(tx, [replace(look, needs_step=False) for look in looks])

    with replaced(tracking, "save", mutated):
        yield
