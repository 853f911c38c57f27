"""Bugs to plant in the simulation, one at a time: each is a realistic mistake.

A mutant replaces one of the product's functions by a wrong one while it is active; the checks are never
changed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import weakref
from collections.abc import Iterator
from typing import Any

from packhouse.ledger import guard, inbox, leases
from packhouse.model import line_units
from packhouse.model.account import Whose
from packhouse.model.line_units import end_of, units_of
from packhouse.model.money import Money
from packhouse.providers.easypost import customs
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.port import Absent, Bought, Unknown, Voided, VoidRefused
from packhouse.rules import customs_areas, eligibility, rates
from packhouse.rules.units import exceeds
from packhouse.steps import accounts, buy, decide, post, purchase, reconcile, sync_holds
from packhouse.steps.context import Context
from packhouse.store.async_client import AsyncStoreClient
from packhouse.worker.intake import Intake
from packhouse.worker.poll import Reading
from packhouse.worker.walk import Walk
from tests.simulation import run
from tests.simulation.event_loop import PROCESS, Process
from tests.simulation.planting import MUTANTS as MUTANTS
from tests.simulation.planting import planted as _mutant
from tests.simulation.planting import replaced as _replace
from tests.simulation.providers import KeylessProvider


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
        _replace(guard, "check_may_proceed", lambda real: lambda connection, _: guard.paused(connection)),
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
        async def order(self: Any, order_id: str, before: Any = None) -> Any:
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
def territories_count_as_the_mainland() -> Iterator[None]:
    """A parcel to Guam or to an APO is taken for a domestic one."""

    def mutated(real: Any) -> Any:
        return lambda country, *more: frozenset({"US"}) if country == "US" else real(country, *more)

    with _replace(customs_areas, "_areas", mutated):
        yield


@_mutant
def a_customs_weight_is_the_parcels() -> Iterator[None]:
    """Each item of a declaration weighs as much as the whole parcel."""

    def mutated(real: Any) -> Any:
        return lambda weights_g, parcel_g: real([parcel_g] * len(weights_g), parcel_g * len(weights_g))

    with _replace(customs, "item_ounces", mutated):
        yield


@_mutant
def a_label_is_reused_for_another_address() -> Iterator[None]:
    """The units are compared with the order, the address is not."""

    def mutated(_real: Any) -> Any:
        return lambda order, *rest: "fewer units" if exceeds(order, *rest) else ""

    def mutated_shipping(_real: Any) -> Any:
        return lambda order, *rest: end_of(order) or exceeds(order, *rest)

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
def an_unknown_outcome_counts_against_the_account() -> Iterator[None]:
    """A purchase without an answer opens the circuit breaker, as a refusal does."""

    def mutated(real: Any) -> Any:
        async def record(context: Any, job: Any, shipment: Any, answer: Any) -> None:
            accounts.count_refusal(context, shipment.provider, Whose.MOMENT, answer.reason)
            await real(context, job, shipment, answer)

        return record

    with _replace(purchase, "_record_unknown", mutated):
        yield


@_mutant
def a_refunded_unit_is_subtracted_twice() -> Iterator[None]:
    """A refund always takes a unit that has not shipped, even if it was of one that had."""

    def mutated(real: Any) -> Any:
        def count(*args: Any) -> Any:
            least, most = real(*args)
            order, line = args[0], args[1]
            refunded = sum(units_of(refund.units, line.id) for refund in order.refunds or ())
            return max(least, refunded), max(most, refunded)

        return count

    with _replace(line_units, "_refunded", mutated):
        yield


@_mutant
def a_withdrawn_label_is_posted() -> Iterator[None]:
    """A look-up that finds a voided label takes it for a good one."""

    def mutated(_real: Any) -> Any:
        async def record(context: Any, job: Any, shipment: Any, answer: Any, provider_id: str) -> None:
            rate = shipment.rate
            bought = Bought(provider_id, answer.tracking_number, rate.carrier, rate.service, rate.price)
            await purchase.record_outcome(context, job, shipment, bought)

        return record

    with _replace(purchase, "record_withdrawn", mutated):
        yield


@_mutant
def prices_are_compared_by_their_numbers() -> Iterator[None]:
    """The smallest number wins, whatever its currency."""

    def mutated(real: Any) -> Any:
        def choose(offers: Any, settings: Any, currency: str) -> Any:
            in_one = [
                dataclasses.replace(
                    one, rate=dataclasses.replace(one.rate, price=Money(one.rate.price.minor, currency))
                )
                for one in offers
                if one.rate.price
            ]
            best = real(in_one, settings, currency)
            return best and next(
                one for one in offers if (one.account, one.rate.id) == (best.account, best.rate.id)
            )

        return choose

    with _replace(rates, "choose", mutated):
        yield


@_mutant
def a_returned_order_always_ends() -> Iterator[None]:
    """The status "returned" closes an order, even if some of its units never shipped."""

    def mutated(real: Any) -> Any:
        return lambda order: order.status if order.status == "returned" else real(order)

    with _replace(eligibility, "end_of", mutated):
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


@_mutant
def the_poll_asks_for_pending_orders_only() -> Iterator[None]:
    """The poll lists what the store calls pending, and nothing else."""

    def mutated(real: Any) -> Any:
        async def list_orders(self: Any, status: str, created_after: str) -> Any:
            return await real(self, status, created_after) if status else (1, True)

        return list_orders

    with _replace(Reading, "list_orders", mutated):
        yield


@_mutant
def a_page_is_taken_for_the_whole_list() -> Iterator[None]:
    """The poll reads the first page of each list, and does not follow its cursor."""
    with _replace(Walk, "_by_cursor", lambda real: lambda *_: None):
        yield
