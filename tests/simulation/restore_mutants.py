"""Bugs to plant in what notices a restored ledger and compares it, besides those of mutants.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from packhouse.ledger import replay, restores
from packhouse.steps import purchase
from packhouse.worker.reconciliation import Reconciliation
from tests.simulation.planting import planted, replaced


@planted
def a_restored_ledger_is_not_noticed() -> Iterator[None]:
    """The guard log is written and never compared with the ledger."""
    with replaced(restores, "missing", lambda real: lambda *_: ()):
        yield


@planted
def holds_are_not_known_again_after_a_restore() -> Iterator[None]:
    """Only money is written back from the guard log."""
    with replaced(replay, "_write_holds", lambda real: lambda *_: ()):
        yield


@planted
def accounts_are_not_asked_after_a_restore() -> Iterator[None]:
    """A ledger whose guard log was restored with it is taken for the newest one."""

    def mutated(real: Any) -> Any:
        async def nothing(*_: Any) -> list[Any]:
            return []

        return nothing

    with replaced(Reconciliation, "_unknown_purchases", mutated):
        yield


@planted
def a_found_label_may_go_anywhere() -> Iterator[None]:
    """A label that was bought before the restore is posted, whatever address it shows."""
    with replaced(purchase, "goes_elsewhere", lambda real: lambda *_: False):
        yield
