"""Bugs that only late or lying answers, or content that no shop means, bring to light. See mutants.py."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from packhouse.ledger import crashes, order_limits
from packhouse.model import text
from packhouse.rules import size
from packhouse.steps import buy, pack, void
from packhouse.store import async_client
from tests.simulation.planting import planted, replaced


@planted
def a_prepared_purchase_is_always_prepared_again() -> Iterator[None]:
    """A purchase of an earlier try is prepared again, so nothing refuses to sell it a second time."""

    def mutated(real: Any) -> Any:
        return lambda context, job, shipment, request: real(
            context, job, dataclasses.replace(shipment, provider_ref="", rate=None), request
        )

    with replaced(buy, "find_offer", mutated):
        yield


@planted
def every_2xx_counts_as_posted() -> Iterator[None]:
    """A page that a proxy sends with status 200 counts as the store's consent."""
    with (
        replaced(async_client, "check_accepted", lambda real: lambda *_: None),
        replaced(async_client, "shows_fulfillment", lambda real: lambda *_: True),
    ):
        yield


@planted
def a_refused_void_is_asked_at_every_look() -> Iterator[None]:
    """Whatever wakes the order asks the provider again, and uses up the times it may be asked."""
    with replaced(void, "_not_yet", lambda real: lambda *_: None):
        yield


@planted
def an_order_has_no_limits() -> Iterator[None]:
    """Nobody looks at how many units, lines and parcels an order has, or at what its labels cost."""
    with (
        replaced(size, "too_many_units", lambda real: lambda *_: ""),
        replaced(size, "too_many_lines", lambda real: lambda *_: ""),
        replaced(pack, "most_parcels", lambda real: lambda *_: 100),
        replaced(order_limits, "objection", lambda real: lambda *_: None),
    ):
        yield


@planted
def text_from_outside_is_kept_as_it_came() -> Iterator[None]:
    """Half an emoji reaches the ledger, which cannot write it."""
    with (
        replaced(text, "fit", lambda real: lambda words: words),
        replaced(text, "_fit_all", lambda real: lambda value: value),
    ):
        yield


@planted
def an_order_that_ends_processes_is_never_set_aside() -> Iterator[None]:
    """A crash is not counted on the orders that the process had."""

    def mutated(real: Any) -> Any:
        def end(*args: Any, **kwargs: Any) -> Any:
            tx = args[0]
            tx.connection.exec_driver_sql("UPDATE orders SET crashes = 0")
            return real(*args, **kwargs)

        return end

    with (
        replaced(crashes, "end_expired", mutated),
        replaced(crashes, "end_all", mutated),
    ):
        yield
