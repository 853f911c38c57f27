"""Operations on shipments and their labels: hold, release, ship, void, mark as shipped, adopt a label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from packhouse.clock import Clock
from packhouse.config.settings import Settings
from packhouse.errors import OperationRefused
from packhouse.ledger import holds, journal, leases, shipments
from packhouse.ledger.port import Ledger
from packhouse.ledger.tx import P, Tx, WriteUnit
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.hold_kind import Stage, Waiver
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.label import Label
from packhouse.model.money import Money
from packhouse.model.printable import shell_word
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.model.tracking_number import same_number
from packhouse.operations.queries import Queries
from packhouse.operations.transaction import (
    holds_on,
    lock_shipment,
    place_manual_hold,
    put_hold,
    report_outcome,
    taken_over,
)
from packhouse.operations.views import AdoptedLabel, SentParcel
from packhouse.providers.manual import ManualProvider

_S = ShipmentState


class ShipmentOperations:
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

    async def hold(self, shipment_id: str, *, reason: str, actor: str) -> Hold:
        """Stop one shipment of an order until the hold is released; the other shipments continue."""
        hold = await self._ledger.write(_hold, self._clock.now(), shipment_id, reason, actor)
        self._wake()
        return hold

    async def release(self, shipment_id: str, *, reason: str, actor: str) -> Shipment:
        """Release every hold that people placed on a shipment or its order, and those of a failed void."""
        return await self._change(shipment_id, _release, shipment_id, reason, actor)

    async def ship(self, shipment_id: str, *, reason: str, actor: str) -> Shipment:
        """Ship now: also release each hold that a person may overrule.

        Raises OperationRefused where another hold is active, or nothing is left to ship.
        """
        return await self._change(shipment_id, _ship, shipment_id, reason, actor)

    async def request_void(self, shipment_id: str, *, reason: str, actor: str, again: bool) -> Shipment:
        """Void a label that the store does not have yet, as soon as that is safe.

        With `again` a new label is bought afterwards; without it the order is held. If the void is under way,
        the provider is asked once more now. Raises OperationRefused
        for a label that the store has, and for one whose void the provider refused.
        """
        return await self._change(shipment_id, _request_void, shipment_id, reason, actor, again=again)

    async def mark_shipped(
        self, shipment_id: str, parcel: SentParcel, *, reason: str, actor: str
    ) -> Shipment:
        """Record that the parcel left with another label: its number is posted, nothing is bought."""
        shipment, now = await self._queries.shipment(shipment_id), self._clock.now()
        free = Money(0, self._settings.guard.currency)
        sent = AdoptedLabel(parcel.tracking_number, parcel.carrier, "", free)
        label = _label(shipment, sent, ManualProvider.account, now)
        return await self._change(shipment_id, _mark_shipped, label, reason, actor)

    async def adopt_label(
        self, shipment_id: str, label: AdoptedLabel, *, reason: str, actor: str
    ) -> Shipment:
        """Record which label was bought in a purchase whose outcome is unknown.

        Raises OperationRefused where no purchase is in doubt, or another shipment has the number.
        """
        shipment, now = await self._queries.shipment(shipment_id), self._clock.now()
        found = replace(label, provider_id=label.provider_id or shipment.provider_ref)
        adopted = _label(shipment, found, shipment.provider or self._settings.provider[0], now)
        return await self._change(shipment_id, _adopt_label, adopted, reason, actor)

    async def record_not_bought(self, shipment_id: str, *, reason: str, actor: str) -> Shipment:
        """Record that no label was bought in a purchase whose outcome is unknown: a new one will be.

        Raises OperationRefused where no purchase is in doubt.
        """
        return await self._change(shipment_id, _record_not_bought, shipment_id, reason, actor)

    async def _change(
        self,
        shipment_id: str,
        unit: WriteUnit[P, None],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Shipment:
        await self._ledger.write(unit, self._clock.now(), *args, **kwargs)
        self._wake()
        return await self._queries.shipment(shipment_id)


def _label(shipment: Shipment, label: AdoptedLabel, provider: str, now: float) -> Label:
    return Label(
        id=f"{shipment.id}-label",
        shipment_id=shipment.id,
        generation=shipment.generation,
        provider=provider,
        carrier=label.carrier,
        service=label.service,
        tracking_number=label.tracking_number,
        provider_id=label.provider_id,
        cost=label.cost,
        state=LabelState.BOUGHT,
        bought_at=now,
    )


def _hold(tx: Tx, shipment_id: str, reason: str, actor: str) -> Hold:
    shipment = lock_shipment(tx, shipment_id)
    if shipment.state.is_final or shipment.state is _S.FULFILLED:
        raise OperationRefused(
            "nothing_to_hold", f"Shipment {shipment_id} is {shipment.state}: nothing is left to hold."
        )
    leases.revoke(tx, shipment.order_id)
    return place_manual_hold(tx, shipment.order_id, reason, actor, shipment_id)


def _release(tx: Tx, shipment_id: str, reason: str, actor: str) -> None:
    shipment, active = _not_taken_over(tx, shipment_id)
    released = [hold for hold in active if Waiver.RELEASE in hold.kind.waivable]
    leases.revoke(tx, shipment.order_id)
    _release_all(tx, released, reason, actor)


def _ship(tx: Tx, shipment_id: str, reason: str, actor: str) -> None:
    shipment, active = _not_taken_over(tx, shipment_id)
    if shipment.state.is_final or shipment.state in (_S.FULFILLED, _S.VOIDING):
        raise OperationRefused(
            "nothing_to_ship", f"Shipment {shipment_id} is {shipment.state}: nothing is left to ship."
        )
    overruled = [hold for hold in active if Waiver.SHIP in hold.kind.waivable]
    if stays := [hold for hold in active if hold not in overruled]:
        raise OperationRefused(
            "held",
            f"Shipment {shipment_id} cannot ship: hold {stays[0].id} stays active. {stays[0].sentence}",
        )
    leases.revoke(tx, shipment.order_id)
    _release_all(tx, overruled, reason, actor)
    entry = Entry(shipment.order_id, "ship_requested", reason, shipment_id, actor)
    journal.write(tx, [entry])


def _not_taken_over(tx: Tx, shipment_id: str) -> tuple[Shipment, list[Hold]]:
    """The shipment, locked, and its active holds. Raises OperationRefused while its order is taken over."""
    shipment = lock_shipment(tx, shipment_id)
    active = holds_on(tx, shipment)
    for hold in active:
        if hold.code is HoldCode.TAKEN_OVER:
            raise taken_over(hold)
    return shipment, active


def _release_all(tx: Tx, released: list[Hold], reason: str, actor: str) -> None:
    for hold in released:
        holds.release(tx, hold.id, by=actor, reason=reason)
        if hold.kind.release_frees_units:
            shipments.ask_void_again(tx, hold.shipment_id)
    entries = [
        Entry(hold.order_id, "released", f"{hold.code}: {reason}", hold.shipment_id, actor)
        for hold in released
    ]
    journal.write(tx, entries)


def _request_void(tx: Tx, shipment_id: str, reason: str, actor: str, *, again: bool) -> None:
    shipment = lock_shipment(tx, shipment_id)
    label = shipment.label
    if label is None:
        raise OperationRefused("no_label", f"Shipment {shipment_id} has no label: there is nothing to void.")
    if shipment.state in (_S.FULFILLED, _S.DELIVERED):
        raise OperationRefused(
            "already_posted",
            f"The label was not voided: the store already has its tracking number {label.tracking_number}.",
            f"If the parcel does not leave, void the label in the provider account {label.provider} and "
            "inform the buyer.",
        )
    if label.state is LabelState.VOIDED:
        return
    if label.state is LabelState.VOIDING:
        leases.revoke(tx, shipment.order_id)
        shipments.ask_void_again(tx, shipment_id)
        journal.write(tx, [Entry(shipment.order_id, "void_requested", reason, shipment_id, actor)])
        return
    if label.state is LabelState.VOID_REFUSED:
        raise OperationRefused(
            "void_refused",
            f"{label.provider} refused to void label {label.tracking_number}.",
            f"To request the void again: packhouse shipments release {shell_word(shipment_id)} --reason WHY",
        )
    leases.revoke(tx, shipment.order_id)
    if not put_hold(tx, shipment.order_id, HoldCode.VOID_REQUESTED, reason, actor, shipment_id):
        return
    entries = [Entry(shipment.order_id, "void_requested", reason, shipment_id, actor)]
    if not again:
        note = f"Label {label.tracking_number} is being voided. Release this hold to buy a new label."
        if put_hold(tx, shipment.order_id, HoldCode.MANUAL, note, actor):
            entries.append(Entry(shipment.order_id, "held", note, actor=actor, data={"code": "manual"}))
    for hold in holds_on(tx, shipment):
        if hold.blocks(Stage.POSTING) and not hold.blocks(Stage.BUYING):
            holds.release(tx, hold.id, by=actor, reason="The label is being voided.")
    journal.write(tx, entries)


def _mark_shipped(tx: Tx, label: Label, reason: str, actor: str) -> None:
    shipment = lock_shipment(tx, label.shipment_id)
    if shipment.label is not None:
        if same_number(shipment.label.tracking_number, label.tracking_number):
            return
        raise _has_label(shipment, shipment.label)
    _refuse_in_doubt(tx, shipment)
    if shipment.state not in (_S.PLANNED, _S.HELD):
        raise OperationRefused(
            "nothing_to_ship", f"Shipment {shipment.id} is {shipment.state}: nothing is left to ship."
        )
    # Buyers may have two orders in one box. Within one order the store could not distinguish the two.
    owner = shipments.owner_of_tracking(tx.connection, label.tracking_number, shipment.id)
    if owner and owner[1] == shipment.order_id:
        raise OperationRefused(
            "tracking_number_in_use",
            f"Tracking number {label.tracking_number} belongs to {owner[0]} of the same order already.",
            "If both left in one box, name the units: packhouse orders fulfill "
            f"{shell_word(shipment.order_id)} --item LINE:QTY --carrier {shell_word(label.carrier)} "
            f"--tracking {shell_word(label.tracking_number)}",
        )
    leases.revoke(tx, shipment.order_id)
    if shipment.state is _S.PLANNED:
        shipments.move_revoked(tx, shipment, _S.PLANNED, _S.HELD)
    shipments.move_revoked(tx, shipment, _S.HELD, _S.LABELED)
    shipments.add_label(tx, label)
    for hold in holds.of_order(tx.connection, shipment.order_id):
        # A label that matched no shipment after a restore is this one: its hold is the whole order's.
        is_answer = hold.shipment_id == shipment.id or hold.code is HoldCode.RESTORE_UNCLEAR
        if hold.is_active and is_answer:
            holds.release(tx, hold.id, by=actor, reason="The parcel was marked as shipped.")
    entry = Entry(
        shipment.order_id,
        "marked_shipped",
        f"{label.carrier} {label.tracking_number}. {reason}",
        shipment.id,
        actor,
        {"tracking_number": label.tracking_number},
    )
    journal.write(tx, [entry])


def _has_label(shipment: Shipment, label: Label) -> OperationRefused:
    """The refusal to mark as shipped under another number than that of the shipment's own label."""
    if shipment.state in (_S.FULFILLED, _S.DELIVERED):
        return OperationRefused(
            "already_posted",
            f"The store has tracking number {label.tracking_number} for {shipment.id} already and has "
            "notified the buyer.",
            "Correct the number in the store.",
        )
    return OperationRefused(
        "label_exists",
        f"Shipment {shipment.id} has the label {label.tracking_number}.",
        f"Void the label first: packhouse shipments void {shell_word(shipment.id)} --reason WHY",
    )


def _refuse_in_doubt(tx: Tx, shipment: Shipment) -> None:
    if shipment.state is _S.BUYING:
        raise OperationRefused(
            "purchase_in_progress",
            f"A label for {shipment.id} is being bought at this moment.",
            "Try again in a minute.",
        )
    unknown = any(hold.kind.needs_outcome and hold.placed_by == MACHINE for hold in holds_on(tx, shipment))
    if unknown or shipment.state is _S.UNKNOWN:
        raise OperationRefused(
            "purchase_unknown",
            f"It is not known whether a label was bought for {shipment.id}.",
            f"Search for {shipment.reference} in the provider account {shipment.provider}. "
            + report_outcome(shipment.id),
        )


def _adopt_label(tx: Tx, label: Label, reason: str, actor: str) -> None:
    shipment = lock_shipment(tx, label.shipment_id)
    _require_doubt(shipment)
    if owner := shipments.owner_of_tracking(tx.connection, label.tracking_number, shipment.id):
        raise OperationRefused(
            "tracking_number_in_use",
            f"Tracking number {label.tracking_number} belongs to shipment {owner[0]} already.",
            f"Search for the number of {shipment.id} again.",
        )
    leases.revoke(tx, shipment.order_id)
    shipments.move_revoked(tx, shipment, shipment.state, _S.LABELED)
    shipments.add_label(tx, label)
    _release_doubt(tx, shipment, reason, actor)
    entry = Entry(
        shipment.order_id,
        "adopted",
        f"{label.tracking_number} for {label.cost}. {reason}",
        shipment.id,
        actor,
        {"tracking_number": label.tracking_number, "cost": str(label.cost)},
    )
    journal.write(tx, [entry])


def _record_not_bought(tx: Tx, shipment_id: str, reason: str, actor: str) -> None:
    shipment = lock_shipment(tx, shipment_id)
    _require_doubt(shipment)
    leases.revoke(tx, shipment.order_id)
    shipments.move_revoked(tx, shipment, shipment.state, _S.PLANNED)
    _release_doubt(tx, shipment, reason, actor)
    journal.write(tx, [Entry(shipment.order_id, "not_bought", reason, shipment_id, actor)])


def _require_doubt(shipment: Shipment) -> None:
    """Raise OperationRefused unless a person may say how the purchase of this shipment ended."""
    if shipment.label is not None:
        raise OperationRefused(
            "label_exists", f"Shipment {shipment.id} has the label {shipment.label.tracking_number} already."
        )
    if shipment.state not in (_S.HELD, _S.UNKNOWN):
        raise OperationRefused(
            "no_purchase_in_doubt",
            f"Shipment {shipment.id} is {shipment.state}: only a held or unknown purchase can be decided.",
        )


def _release_doubt(tx: Tx, shipment: Shipment, reason: str, actor: str) -> None:
    for hold in holds_on(tx, shipment):
        if hold.shipment_id == shipment.id and hold.kind.needs_outcome:
            holds.release(tx, hold.id, by=actor, reason=reason)
