"""Bugs to plant in what asks about parcels and acts on the answers, besides those of mutants.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from packhouse.ledger import tracking
from packhouse.ledger.tracking import Look
from packhouse.worker.tracking import Trackers
from tests.simulation.planting import planted, replaced


@planted
def a_tracker_counts_as_asked_before_its_answer_is_written() -> Iterator[None]:
    """One write takes the due time, and another one brings the answer and the next time."""

    def mutated(real: Any) -> Any:
        async def save(self: Any, looks: Any) -> Any:
            await real(self, [_taken(look) for look in looks])
            return await real(self, [_answered(look) for look in looks])

        return save

    with replaced(Trackers, "_save", mutated):
        yield


def _taken(look: Look) -> Look:
    label = look.shipment.label
    assert label is not None
    return replace(look, tracking=label.tracking, next_at=None, needs_step=False)


def _answered(look: Look) -> Look:
    assert look.shipment.label is not None
    taken = replace(look.shipment.label, track_due_at=None)
    return replace(look, shipment=replace(look.shipment, label=taken))


@planted
def news_is_written_and_its_order_is_not_woken() -> Iterator[None]:
    """What a tracker said is written, and what follows from it is left to somebody else."""

    def mutated(real: Any) -> Any:
        return lambda tx, looks: real(tx, [replace(look, needs_step=False) for look in looks])

    with replaced(tracking, "save", mutated):
        yield
