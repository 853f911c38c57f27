"""What one order may get: its limits from the settings, as far as no operator has released them."""

from __future__ import annotations

from packhouse.config.guard import MOST_PARCELS
from packhouse.ledger.order_limits import OrderLimits
from packhouse.model.hold import HoldCode
from packhouse.model.shipment import Shipment
from packhouse.steps.context import Context, OrderJob


def most_parcels(context: Context, job: OrderJob) -> int:
    """How many parcels the order may have together."""
    is_waived = context.is_waived(job, HoldCode.TOO_MANY_PARCELS)
    return MOST_PARCELS if is_waived else context.settings.guard.max_parcels


def order_limits(context: Context, job: OrderJob, shipment: Shipment) -> OrderLimits:
    """What the order's labels may cost and count when the label of this shipment is bought."""
    is_waived = context.is_waived(job, HoldCode.LABELS_EXCEED_TOTAL, shipment)
    return OrderLimits(context.settings.guard, job.order.total, most_parcels(context, job), is_waived)
