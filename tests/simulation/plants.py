"""Bugs to plant in the simulated house, one at a time: each is a mistake that somebody has made somewhere.

A plant puts a worse function in the place of one of the product's for as long as it stands; the checker and
the witness are never touched.
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
from tests.simulation.carriers import KeylessCarrier
from tests.simulation.loop import STEPS, Life

Plant = Callable[[], contextlib.AbstractContextManager[None]]
PLANTS: dict[str, Plant] = {}


def _plant(sow: Callable[[], Iterator[None]]) -> Plant:
    PLANTS[sow.__name__] = plant = contextlib.contextmanager(sow)
    return plant


@contextlib.contextmanager
def _instead(owner: Any, name: str, worse: Callable[[Any], Any]) -> Iterator[None]:
    """Put `worse(the real one)` in its place."""
    real = getattr(owner, name)
    setattr(owner, name, worse(real))
    try:
        yield
    finally:
        setattr(owner, name, real)


class _WritesLater(Context):
    """A desk that keeps a unit for the next commit instead of committing it."""

    __slots__ = ()

    @classmethod
    def of(cls, context: Context) -> _WritesLater:
        return cls(**{field.name: getattr(context, field.name) for field in dataclasses.fields(context)})

    async def write(self, job: Any, unit: Any, *args: Any, **kwargs: Any) -> Any:
        """Pretend that it is on disk."""
        now = self.clock.now()
        job.deferred.append(lambda tx: unit(dataclasses.replace(tx, now=now), *args, **kwargs))


@_plant
def the_intent_is_not_synced() -> Iterator[None]:
    """The intent goes to disk together with the label: a crash between them forgets the purchase."""

    def worse(real: Any) -> Any:
        return lambda context, *args: real(_WritesLater.of(context), *args)

    with _instead(buy, "_intend", worse):
        yield


@_plant
def the_second_look_is_spared() -> Iterator[None]:
    """The order is not looked at again once the intent stands."""

    async def worse(*_: Any) -> bool:
        return True

    with _instead(buy, "_still_the_same", lambda real: worse):
        yield


@_plant
def an_early_absent_is_trusted() -> Iterator[None]:
    """A look-up is believed at once, though the carrier may still be about to commit."""

    def worse(real: Any) -> Any:
        return lambda scenario: real(scenario).model_copy(update={"provider_settle_s": 0.0})

    with (
        _instead(reconcile, "_has_settled", lambda real: lambda *_: True),
        _instead(run, "settings_of", worse),
    ):
        yield


@_plant
def a_failed_lookup_is_absent() -> Iterator[None]:
    """Nobody could be asked, so it is bought again."""

    def worse(real: Any) -> Any:
        async def lookup(self: Any, purchase: Any) -> Any:
            answer = await real(self, purchase)
            return Absent() if isinstance(answer, Unknown) else answer

        return lookup

    with _instead(EasyPostProvider, "lookup", worse), _instead(KeylessCarrier, "lookup", worse):
        yield


@_plant
def the_token_is_forgotten() -> Iterator[None]:
    """Writes do not prove that the lease still stands."""
    with (
        _instead(leases, "require", lambda real: lambda tx: tx.held_lease),
        _instead(leases, "is_held", lambda real: lambda *_: True),
    ):
        yield


@_plant
def a_timeout_is_retried() -> Iterator[None]:
    """No answer came, so the purchase is sent again."""

    def worse(real: Any) -> Any:
        async def spend(*args: Any) -> Any:
            answer = await real(*args)
            return await real(*args) if isinstance(answer, Unknown) else answer

        return spend

    with _instead(buy, "_spend", worse):
        yield


@_plant
def the_webhooks_word_is_taken() -> Iterator[None]:
    """What a webhook said of an order is believed, and the store is asked only about new ones."""
    told: weakref.WeakKeyDictionary[Life, dict[str, Any]] = weakref.WeakKeyDictionary()
    means = {"order.cancelled": "cancelled", "order.refunded": "refunded"}

    def worse_order(real: Any) -> Any:
        async def order(self: Any, order_id: str) -> Any:
            known = told.setdefault(STEPS.get(), {})
            if order_id not in known:
                known[order_id] = await real(self, order_id)
            return known[order_id]

        return order

    def worse_receive(real: Any) -> Any:
        async def receive(self: Any, event: Any) -> Any:
            known = told.setdefault(STEPS.get(), {})
            if event.order_id in known and event.type in means:
                known[event.order_id] = dataclasses.replace(known[event.order_id], status=means[event.type])
            else:
                known.pop(event.order_id, None)
            return await real(self, event)

        return receive

    with _instead(AsyncStoreClient, "order", worse_order), _instead(Intake, "receive", worse_receive):
        yield


@_plant
def posted_without_the_saved_key() -> Iterator[None]:
    """Each try to post has a key of its own."""
    tries = itertools.count()

    def worse(real: Any) -> Any:
        return lambda self, order_id, body, key: real(self, order_id, body, f"{key}-{next(tries)}")

    with _instead(AsyncStoreClient, "fulfill", worse):
        yield


@_plant
def a_label_is_reused_for_another_address() -> Iterator[None]:
    """Units are compared with the order, its address is not."""

    def worse(_real: Any) -> Any:
        return lambda order, *rest: "fewer units" if exceeds(order, *rest) else ""

    def worse_still(_real: Any) -> Any:
        return lambda order, *rest: order.status in STOPPED or exceeds(order, *rest)

    with _instead(decide, "conflict", worse), _instead(post, "shipping_conflict", worse_still):
        yield


@_plant
def no_void_on_422() -> Iterator[None]:
    """A refused post is taken for one that was there already."""

    async def worse(context: Any, job: Any, shipment: Any, *_: Any) -> None:
        await post._fulfilled(context, job, shipment, "The store has it.")

    with _instead(post, "_judge_refusal", lambda real: worse):
        yield


@_plant
def a_refused_void_is_called_done() -> Iterator[None]:
    """Whatever the carrier says to a void, the money is taken to be back."""

    def worse(real: Any) -> Any:
        async def void(self: Any, label: Any) -> Any:
            answer = await real(self, label)
            return Voided() if isinstance(answer, VoidRefused) else answer

        return void

    with _instead(EasyPostProvider, "void", worse):
        yield


@_plant
def a_persons_hold_is_lifted() -> Iterator[None]:
    """The machine lifts every hold whose cause it does not see."""

    def worse(_real: Any) -> Any:
        return lambda one, _work, wanted: one.is_active and one.code not in wanted

    with _instead(sync_holds, "_has_no_cause", worse):
        yield


@_plant
def answered_before_it_is_written() -> Iterator[None]:
    """A webhook is answered 200 while its event is still on the way to the disk."""

    def worse(real: Any) -> Any:
        async def receive(self: Any, event: Any) -> Any:
            asyncio.get_running_loop().create_task(real(self, event))
            return inbox.NEW

        return receive

    with _instead(Intake, "receive", worse):
        yield
