"""Bugs to plant in the simulation, one at a time: each is a realistic mistake.

A mutant replaces one of the product's functions by a wrong one while it is active; the checks are never
changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from packhouse.ledger import inbox, leases
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.port import Absent, Unknown, Voided, VoidRefused
from packhouse.rules.changes import STOPPED
from packhouse.rules.units import exceeds
from packhouse.steps import buy, decide, post, reconcile, sync_holds
from packhouse.steps.context import Context
from packhouse.store.async_client import AsyncStoreClient
from packhouse.worker.intake import Intake
from tests.simulation import run
from tests.simulation.event_loop import PROCESS, Process
from tests.simulation.providers import KeylessProvider

Mutant = Callable[[], contextlib.AbstractContextManager[None]]
MUTANTS: dict[str, Mutant] = {}


def _mutant(apply: Callable[[], Iterator[None]]) -> Mutant:
    MUTANTS[apply.__name__] = mutant = contextlib.contextmanager(apply)
    return mutant


@contextlib.contextmanager
def _replace(owner: Any, name: str, mutated: Callable[[Any], Any]) -> Iterator[None]:
    """Replace a function by `mutated(function)`."""
    real = getattr(owner, name)
    setattr(owner, name, mutated(real))
    try:
        yield
    finally:
        setattr(owner, name, real)


class _DeferringContext(Context):
    """A context that defers a unit to the next commit."""

    __slots__ = ()

    @classmethod
    def of(cls, context: Context) -> _DeferringContext:
        return cls(
            **{
                field.name: getattr(context, field.name)
                for field in dataclasses.fields(context)
                if field.init
            }
        )

    async def write(self, job: Any, unit: Any, *args: Any, **kwargs: Any) -> Any:
        """Defer the unit, and return as if it were on disk."""
        now = self.clock.now()
        job.deferred.append(lambda tx: unit(dataclasses.replace(tx, now=now), *args, **kwargs))


@_mutant
def the_intent_is_not_synced() -> Iterator[None]:
    """The intent is written together with the label: a crash between them loses the purchase."""

    def mutated(real: Any) -> Any:
        return lambda context, *args: real(_DeferringContext.of(context), *args)

    with _replace(buy, "_begin", mutated):
        yield


@_mutant
def the_second_refresh_is_skipped() -> Iterator[None]:
    """The order is not refreshed again after the intent."""

    async def mutated(*_: Any) -> bool:
        return True

    with _replace(buy, "_is_unchanged", lambda real: mutated):
        yield


@_mutant
def an_early_absent_is_trusted() -> Iterator[None]:
    """A look-up is trusted at once, even if the provider may still be about to sell."""

    def mutated(real: Any) -> Any:
        return lambda scenario: real(scenario).model_copy(update={"provider_settle_s": 0.0})

    with (
        _replace(reconcile, "_has_settled", lambda real: lambda *_: True),
        _replace(run, "settings_of", mutated),
    ):
        yield


@_mutant
def a_failed_lookup_is_absent() -> Iterator[None]:
    """A look-up that failed counts as absent, so the label is bought again."""

    def mutated(real: Any) -> Any:
        async def lookup(self: Any, purchase: Any) -> Any:
            answer = await real(self, purchase)
            return Absent() if isinstance(answer, Unknown) else answer

        return lookup

    with _replace(EasyPostProvider, "lookup", mutated), _replace(KeylessProvider, "lookup", mutated):
        yield


@_mutant
def the_lease_is_not_checked() -> Iterator[None]:
    """Writes do not check that the lease is still held."""
    with (
        _replace(leases, "require", lambda real: lambda tx: tx.held_lease),
        _replace(leases, "is_held", lambda real: lambda *_: True),
    ):
        yield


@_mutant
def a_timeout_is_retried() -> Iterator[None]:
    """A purchase without a response is sent again."""

    def mutated(real: Any) -> Any:
        async def spend(*args: Any) -> Any:
            answer = await real(*args)
            return await real(*args) if isinstance(answer, Unknown) else answer

        return spend

    with _replace(buy, "_spend", mutated):
        yield


@_mutant
def the_webhook_body_is_trusted() -> Iterator[None]:
    """The body of a webhook is trusted, and the store is read for new orders only."""
    known_orders: weakref.WeakKeyDictionary[Process, dict[str, Any]] = weakref.WeakKeyDictionary()
    means = {"order.cancelled": "cancelled", "order.refunded": "refunded"}

    def mutated_order(real: Any) -> Any:
        async def order(self: Any, order_id: str) -> Any:
            known = known_orders.setdefault(PROCESS.get(), {})
            if order_id not in known:
                known[order_id] = await real(self, order_id)
            return known[order_id]

        return order

    def mutated_receive(real: Any) -> Any:
        async def receive(self: Any, event: Any) -> Any:
            known = known_orders.setdefault(PROCESS.get(), {})
            if event.order_id in known and event.type in means:
                known[event.order_id] = dataclasses.replace(known[event.order_id], status=means[event.type])
            else:
                known.pop(event.order_id, None)
            return await real(self, event)

        return receive

    with _replace(AsyncStoreClient, "order", mutated_order), _replace(Intake, "receive", mutated_receive):
        yield


@_mutant
def each_post_has_a_new_key() -> Iterator[None]:
    """Each attempt to post has a new key."""
    tries = itertools.count()

    def mutated(real: Any) -> Any:
        return lambda self, order_id, body, key: real(self, order_id, body, f"{key}-{next(tries)}")

    with _replace(AsyncStoreClient, "fulfill", mutated):
        yield


@_mutant
def a_label_is_reused_for_another_address() -> Iterator[None]:
    """The units are compared with the order, the address is not."""

    def mutated(_real: Any) -> Any:
        return lambda order, *rest: "fewer units" if exceeds(order, *rest) else ""

    def mutated_shipping(_real: Any) -> Any:
        return lambda order, *rest: order.status in STOPPED or exceeds(order, *rest)

    with _replace(decide, "conflict", mutated), _replace(post, "shipping_conflict", mutated_shipping):
        yield


@_mutant
def a_refused_post_counts_as_done() -> Iterator[None]:
    """A refused post is treated as one that the store already has."""

    async def mutated(context: Any, job: Any, shipment: Any, *_: Any) -> None:
        await post._fulfilled(context, job, shipment, "The store has the fulfillment.")

    with _replace(post, "_process_refusal", lambda real: mutated):
        yield


@_mutant
def a_refused_void_counts_as_done() -> Iterator[None]:
    """Every answer to a void counts as voided."""

    def mutated(real: Any) -> Any:
        async def void(self: Any, label: Any) -> Any:
            answer = await real(self, label)
            return Voided() if isinstance(answer, VoidRefused) else answer

        return void

    with _replace(EasyPostProvider, "void", mutated):
        yield


@_mutant
def an_operators_hold_is_released() -> Iterator[None]:
    """Packhouse releases every hold whose reason it does not see."""

    async def mutated(_context: Any, _job: Any, hold: Any, wanted: Any) -> bool:
        return hold.is_active and hold.code not in wanted

    with _replace(sync_holds, "_has_ended", lambda real: mutated):
        yield


@_mutant
def a_webhook_is_answered_before_it_is_saved() -> Iterator[None]:
    """A webhook is answered 200 before its event is on disk."""

    def mutated(real: Any) -> Any:
        async def receive(self: Any, event: Any) -> Any:
            asyncio.get_running_loop().create_task(real(self, event))
            return inbox.ACCEPTED

        return receive

    with _replace(Intake, "receive", mutated):
        yield
