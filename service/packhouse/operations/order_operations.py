"""Operations on orders and their holds: hold, release, retry, take over, request a label."""

from __future__ import annotations

from collections.abc import Callable

from packhouse.clock import Clock
from packhouse.config.settings import Settings
from packhouse.errors import OperationRefused, RecordNotFound
from packhouse.ledger import holds, journal, leases, shipments
from packhouse.ledger.port import Ledger
from packhouse.ledger.tx import Tx
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.journal import Entry
from packhouse.model.states import ShipmentState
from packhouse.operations.queries import Queries, unknown_order
from packhouse.operations.transaction import (
    active_hold,
    place_manual_hold,
    placed_hold,
    put_hold,
    report_outcome,
    revoke_or_create,
    taken_over,
)
from packhouse.operations.views import LabelOffer, OrderView, Takeover
from packhouse.rules.timeouts import longest_post_s
from packhouse.steps.post import blocks_posting

_S = ShipmentState


class OrderOperations:
    """Each operation revokes the lease of the order, so a worker's next write fails. Repeated, it changes
    nothing more. `wake` makes the workers look for due orders at once.
    """

    def __init__(
        self, ledger: Ledger, clock: Clock, settings: Settings, queries: Queries, wake: Callable[[], None]
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._settings = settings
        self._queries = queries
        self._wake = wake

    async def place_hold(self, order_id: str, *, reason: str, actor: str) -> Hold:
        """Stop an order until the hold is released."""
        hold = await self._ledger.write(_place_hold, self._clock.now(), order_id, reason, actor)
        self._wake()
        return hold

    async def release_hold(self, hold_id: int, *, reason: str, actor: str) -> Hold:
        """Release a hold. Raises OperationRefused for a hold that was released before, and for a purchase
        whose outcome is unknown: a release does not say whether a label was bought.
        """
        hold = await self._ledger.write(_release_hold, self._clock.now(), hold_id, reason, actor)
        self._wake()
        return hold

    async def retry(self, order_id: str, *, reason: str, actor: str) -> OrderView:
        """Process an order now; its waiting time and its failures are forgotten."""
        await self._ledger.write(_retry, self._clock.now(), order_id, reason, actor)
        self._wake()
        return await self._queries.order(order_id)

    async def take_over(self, order_id: str, *, purpose: str, reason: str, actor: str) -> Takeover:
        """Keep Packhouse off an order, known or not, while a person or a program works on it at the store.

        To be repeated until nothing is in flight; releasing the hold ends the takeover. Only the same
        `purpose` may continue an active takeover: another one raises OperationRefused.
        """
        now = self._clock.now()
        hold, resumed = await self._ledger.write(_take_over, now, order_id, purpose, reason, actor)
        self._wake()
        view = await self._queries.order(order_id)
        return Takeover(view, hold, self._in_flight(view), resumed=resumed)

    async def request_label(self, order_id: str, *, reason: str, actor: str) -> LabelOffer:
        """Buy the label of an order, if it may ship, and leave posting it to a person or a program.

        Raises OperationRefused for an order of several parcels: Packhouse posts those itself.
        """
        try:
            offer = await self._queries.label_offer(order_id)
        except RecordNotFound:
            offer = None
        if offer is not None:
            if offer.state == "ready" and offer.shipment and offer.shipment.state is not _S.LABELED:
                return offer
            if offer.parcels > 1:
                raise OperationRefused("several_parcels", offer.why)
        await self._ledger.write(_request_label, self._clock.now(), order_id, reason, actor)
        self._wake()
        return await self._queries.label_offer(order_id)

    def _in_flight(self, view: OrderView) -> str:
        """What a worker began before the takeover and may not have ended yet; "" if there is nothing."""
        for shipment in view.shipments:
            if shipment.state in (_S.BUYING, _S.UNKNOWN):
                return f"the outcome of a purchase for {shipment.id} is not known yet"
            if shipment.state is not _S.LABELED or shipment.label is None or not shipment.post_body:
                continue
            # Since the first of these holds no post has been begun.
            held = [
                hold.placed_at
                for hold in view.holds
                if hold.is_active
                and hold.shipment_id in ("", shipment.id)
                and blocks_posting(hold, shipment.label)
            ]
            if self._clock.now() < min(held, default=self._clock.now()) + longest_post_s(self._settings):
                return f"the fulfillment of {shipment.id} may be on its way to the store"
        return ""


def _place_hold(tx: Tx, order_id: str, reason: str, actor: str) -> Hold:
    if not leases.revoke(tx, order_id):
        raise unknown_order(order_id)
    return place_manual_hold(tx, order_id, reason, actor)


def _release_hold(tx: Tx, hold_id: int, reason: str, actor: str) -> Hold:
    hold = holds.by_id(tx.connection, hold_id)
    if hold is None:
        raise RecordNotFound(f"Hold {hold_id} is not in the ledger. To list holds: packhouse holds list")
    if hold.is_active and hold.kind.needs_outcome:
        raise OperationRefused(
            "purchase_unknown",
            "A release does not say whether a label was bought.",
            report_outcome(hold.shipment_id),
        )
    # The order first: its worker must lose the lease before the hold is gone.
    leases.revoke(tx, hold.order_id)
    released = holds.release(tx, hold_id, by=actor, reason=reason)
    hold = holds.by_id(tx.connection, hold_id)
    assert hold is not None
    if not released:
        raise OperationRefused("hold_released", f"Hold {hold_id} is already released, by {hold.released_by}.")
    if hold.kind.release_frees_units:
        shipments.ask_void_again(tx, hold.shipment_id)
    entry = Entry(hold.order_id, "released", f"{hold.code}: {reason}", hold.shipment_id, actor)
    journal.write(tx, [entry])
    return hold


def _retry(tx: Tx, order_id: str, reason: str, actor: str) -> None:
    if not leases.revoke(tx, order_id):
        raise unknown_order(order_id)
    journal.write(tx, [Entry(order_id, "retry_requested", reason, actor=actor)])


def _take_over(tx: Tx, order_id: str, purpose: str, reason: str, actor: str) -> tuple[Hold, bool]:
    """The hold of the takeover, and whether it was active before."""
    leases.lock_order(tx, order_id)
    hold, resumed = active_hold(tx, order_id, HoldCode.TAKEN_OVER), True
    if hold is None:
        revoke_or_create(tx, order_id)
        resumed = not put_hold(tx, order_id, HoldCode.TAKEN_OVER, purpose, actor)
        if not resumed:
            entry = Entry(
                order_id, "taken_over", f"{purpose}. {reason}", actor=actor, data={"code": "taken_over"}
            )
            journal.write(tx, [entry])
        # Another process may have placed its hold a moment earlier: that one is active then.
        hold = placed_hold(tx, order_id, HoldCode.TAKEN_OVER)
    if hold.note != purpose:
        raise taken_over(hold)
    return hold, resumed


def _request_label(tx: Tx, order_id: str, reason: str, actor: str) -> None:
    leases.lock_order(tx, order_id)
    if active_hold(tx, order_id, HoldCode.EXTERNAL_POSTING):
        return
    revoke_or_create(tx, order_id)
    put_hold(tx, order_id, HoldCode.EXTERNAL_POSTING, "", actor)
    entry = Entry(order_id, "label_requested", reason, actor=actor, data={"code": "external_posting"})
    journal.write(tx, [entry])
