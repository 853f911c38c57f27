"""The customs declaration of a parcel, made from the order, the settings and the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packhouse.config.settings import Settings
from packhouse.model.customs import Customs
from packhouse.model.order import Address, Order, Units
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
    if not _is_needed(order, settings):
        return None
    catalog_g = await context.products.weights_g(order)
    weights = {
        line.id: weight
        for line in order.lines
        if (weight := unit_weight_g(line, settings.products, settings.parcel, catalog_g))
    }
    sent = [some for shipment in job.shipments if job.reserves_units(shipment) for some in shipment.units]
    return _declare(order, settings, units, parcel_g, (*sent, *planned), weights)


def declare_unpacked(order: Order, settings: Settings) -> Customs | Incomplete | None:
    """The declaration that all goods of an order would have in one parcel, whatever they weigh."""
    units = [Units(line.id, line.quantity) for line in order.lines if line.quantity and not line.is_digital]
    weights = {line.id: 1 for line in order.lines}
    return _declare(order, settings, units, sum(some.quantity for some in units), units, weights)


def _is_needed(order: Order, settings: Settings) -> bool:
    return customs.is_needed(settings.ship_from.address, normalized(order.address or Address()))


def _declare(
    order: Order,
    settings: Settings,
    units: Sequence[Units],
    parcel_g: int,
    sent: Sequence[Units],
    weights_g: Mapping[str, int],
) -> Customs | Incomplete | None:
    goods = Goods(
        order=order,
        units=tuple(units),
        parcel_g=parcel_g,
        sent=tuple(sent),
        entries={line.id: entry_for(line, settings.products) for line in order.lines},
        weights_g=weights_g,
    )
    to = normalized(order.address or Address())
    return customs.declare(goods, settings.ship_from.address, to, customs.facts_of(settings))
