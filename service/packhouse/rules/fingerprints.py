"""What in an order gives a reason its force: a person's release holds until just that changes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from packhouse.model.hold import HoldCode
from packhouse.model.order import Order

_GOODS = frozenset(
    {HoldCode.DIGITAL_UNKNOWN, HoldCode.WEIGHT_MISSING, HoldCode.TOO_HEAVY, HoldCode.ORDER_UNREADABLE}
)


def hold_fingerprint(code: HoldCode, order: Order) -> str:
    """A short hash of those facts of the order that this reason rests on; the same facts, the same hash."""
    lines = sorted((ln.id, ln.product_id, ln.variant_id, ln.quantity) for ln in order.lines)
    matter: dict[str, object]
    if code is HoldCode.ADDRESS_INCOMPLETE:
        matter = {"address": asdict(order.address) if order.address else None}
    elif code in _GOODS:
        matter = {"lines": lines}
    elif code is HoldCode.STATUS_UNKNOWN:
        matter = {"status": order.status}
    elif code is HoldCode.REFUND_UNCLEAR:
        matter = {"lines": lines, "refunds": [asdict(refund) for refund in order.refunds or ()]}
    elif code is HoldCode.PARTLY_FULFILLED_UNCLEAR:
        shipped = [asdict(record) for record in order.fulfillments or ()]
        matter = {"lines": lines, "status": order.status, "fulfillments": shipped}
    elif code is HoldCode.ORDER_CHANGED:
        matter = {"order": order.fingerprint(), "status": order.status}
    elif code is HoldCode.FULFILLMENT_MISSING:
        matter = {}
    else:
        return order.fingerprint()
    text = json.dumps([code.value, matter], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
