"""The customs declaration of a parcel, made from the order, the settings and the catalog."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.model.customs import Customs
from packhouse.model.order import Address, Units
from packhouse.packing.weights import entry_for, unit_weight_g
from packhouse.rules import customs
from packhouse.rules.address import normalized
from packhouse.rules.customs import Goods, Incomplete
from packhouse.steps.context import Context, OrderJob


async def declare(
    context: Context, job: OrderJob, units: Sequence[Units], parcel_g: int, planned: Sequence[Units] = ()
) -> Customs | Incomplete | None:
    """The declaration of these units, in a parcel of this weight in grams; None if none is needed.

    `planned` are units of parcels that are not planned yet: all that an order sends counts together.
    """
    order, settings = job.order, context.settings
    sender, to = settings.ship_from.address, normalized(order.address or Address())
    if not customs.is_needed(sender, to):
        return None
    catalog_g = await context.products.weights_g(order)
    weights = {
        line.id: weight
        for line in order.lines
        if (weight := unit_weight_g(line, settings.products, settings.parcel, catalog_g))
    }
    sent = [some for shipment in job.shipments if job.reserves_units(shipment) for some in shipment.units]
    goods = Goods(
        order=order,
        units=tuple(units),
        parcel_g=parcel_g,
        sent=(*sent, *planned),
        entries={line.id: entry_for(line, settings.products) for line in order.lines},
        weights_g=weights,
    )
    return customs.declare(goods, sender, to, customs.facts_of(settings))
