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
    """The due time is taken before the account is asked, and the next one comes with the answer."""

    def mutated(real: Any) -> Any:
        async def ask(self: Any, provider: Any, due: Any, *, is_batch: bool) -> Any:
            context = self._context
            taken = [Look(one, one.label.tracking, one.label.tracking_changed_at, None) for one in due]
            await context.ledger.write(tracking.save, context.clock.now(), taken)
            due = [replace(one, label=replace(one.label, track_due_at=None)) for one in due]
            return await real(self, provider, due, is_batch=is_batch)

        return ask

    with replaced(Trackers, "_ask", mutated):
        yield


@planted
def news_is_written_and_its_order_is_not_woken() -> Iterator[None]:
    """What a tracker said is written, and what follows from it is left to somebody else."""

    def mutated(real: Any) -> Any:
        return lambda tx, looks: real(tx, [replace(look, needs_step=False) for look in looks])

    with replaced(tracking, "save", mutated):
        yield
