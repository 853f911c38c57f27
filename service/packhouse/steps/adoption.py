"""Gives a purchase that a restored ledger lost its shipment again, for the steps that come after.

The store names the units of a parcel that was posted. What cannot be matched is held.
"""

from __future__ import annotations

from typing import Any

from packhouse.ledger import recalled
from packhouse.ledger.recalled import Recalled, Reference
from packhouse.ledger.tx import Tx
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Entry
from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.model.order import Order, Units
from packhouse.model.parcel import Parcel
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.rules import idempotency
from packhouse.rules.changes import fingerprint
from packhouse.steps import purchase
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.moves import Move
from packhouse.steps.withdraw import does_not_say
from packhouse.store.protocol import fulfill_body

_S = ShipmentState
_SOME_PARCEL = Parcel(1, 1, 1, 1)


async def begin(context: Context, job: OrderJob, shipment: Shipment, one: Recalled) -> None:
    """Write the purchase as begun: the next step looks it up."""
    found = one.found
    changes: dict[str, Any] = {
        "provider": one.provider,
        "provider_ref": str(found.get("provider_ref") or ""),
        "rate": rate_of(found),
        "intent_at": float(found.get("at") or context.clock.now()),
    }
    number = str(found.get("tracking_number") or "a label")
    changes |= doubt(context, job, shipment, changes["rate"].carrier, number)
    why = f"{one.provider} sold {number} as {one.reference} before the ledger was restored. It is adopted."
    entry = Entry(job.order_id, "recalled", why, shipment.id, data={"reference": one.reference})

    def matched(tx: Tx) -> None:
        recalled.set_outcome(tx, one.reference, "adopted")

    if shipment.state is _S.HELD:
        shipment = await context.move(job, shipment, _S.PLANNED)
    begun = await context.apply(job, Move(shipment, _S.BUYING, changes=changes), entry, also=matched)
    purchase.expect_settled(context, begun)


async def plan_posted(
    context: Context, job: OrderJob, reference: Reference, one: Recalled
) -> Shipment | None:
    """The shipment of a purchase that was posted: the store names its units. None if it was not."""
    units = units_of(job.order, str(one.found.get("tracking_number") or ""))
    if not units:
        return None
    parcel = Parcel(**one.found["parcel"]) if one.found.get("parcel") else _SOME_PARCEL
    shipment = new_shipment(job, reference, units, parcel)
    why = f"{one.provider} sold a label for it before the restore, and the store has its tracking number."
    await context.plan(job, [shipment], [Entry(job.order_id, "planned", why, shipment.id)])
    return shipment


def new_shipment(
    job: OrderJob, reference: Reference, units: tuple[Units, ...], parcel: Parcel = _SOME_PARCEL
) -> Shipment:
    number = f"-{reference.seq}" + (f".{reference.generation}" if reference.generation > 1 else "")
    return Shipment(
        id=f"{job.order_id}{number}",
        order_id=job.order_id,
        seq=reference.seq,
        generation=reference.generation,
        state=_S.PLANNED,
        units=units,
        fingerprint=fingerprint(job.order, units),
        parcel=parcel,
    )


def units_of(order: Order, tracking_number: str) -> tuple[Units, ...]:
    """The units that the store lists under this number; every unit, if it is the only one and names none."""
    rows = order.fulfillments or ()
    row = next((row for row in rows if row.is_of(tracking_number)), None)
    if row is None:
        return ()
    if row.units or len(rows) > 1:
        return row.units
    return tuple(Units(line.id, line.quantity) for line in order.lines if not line.is_digital)


def doubt(context: Context, job: OrderJob, shipment: Shipment, carrier: str, number: str) -> dict[str, str]:
    """What a shipment needs so that its label counts as one that may be posted, where the store does not say.

    A label that was posted since the backup must not be voided because the store counts its units as shipped.
    """
    if shipment.post_body or not shipment.units or not does_not_say(job.order, shipment):
        return {}
    body = fulfill_body(shipment.units, context.settings.store.name_of(carrier), number).decode()
    return {"post_key": idempotency.first(shipment), "post_body": body}


def rate_of(found: dict[str, Any]) -> Rate:
    raw = found.get("rate") or {}
    price = raw.get("price")
    return Rate(
        str(raw.get("id") or ""),
        str(raw.get("carrier") or ""),
        str(raw.get("service") or ""),
        Money(price["minor"], price["currency"]) if price else None,
        raw.get("days"),
    )


async def hold_unclear(context: Context, job: OrderJob, note: str, shipment: Shipment | None = None) -> bool:
    """Hold what only a person can find out. False if a person has released the same hold before."""
    code = HoldCode.RESTORE_UNCLEAR
    if context.is_waived(job, code, shipment):
        return False
    if not any(hold.code is code for hold in job.active_holds(shipment)):
        await context.hold(job, code, note, shipment=shipment)
    return True
