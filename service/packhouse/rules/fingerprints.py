"""Fingerprints of the facts that a hold rests on: a release is valid until one of these facts changes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from packhouse.config.secrets import masked
from packhouse.config.settings import Settings
from packhouse.model.hold import KINDS, HoldCode
from packhouse.model.hold_kind import Fact
from packhouse.model.order import Order


def hold_fingerprint(code: HoldCode, order: Order, settings: str = "") -> str:
    """A short hash of the facts that a hold of this kind rests on: the same facts give the same hash.

    `settings` is `settings_fingerprint` of the settings in use; only some kinds rest on it.
    """
    facts = KINDS[code].rests_on
    return _hashed([code.value, {fact.value: _value(fact, order, settings) for fact in facts}])


def settings_fingerprint(settings: Settings) -> str:
    """A short hash of the settings that decide which labels are offered: accounts, sender, parcels, rates,
    customs.

    After a restart with other settings, holds for a refused label or a missing rate end, and their orders
    are tried again. Secrets are masked: a new key alone changes nothing.
    """
    return _hashed(
        {
            "provider": settings.provider,
            "providers": masked(("providers",), settings.providers),
            "label_format": settings.label_format.value,
            "ship_from": settings.ship_from.model_dump(mode="json"),
            "rates": settings.rates.model_dump(mode="json"),
            "customs": settings.customs.model_dump(mode="json"),
            "parcel": settings.parcel.model_dump(mode="json"),
            "products": [product.model_dump(mode="json") for product in settings.products],
        }
    )


def _value(fact: Fact, order: Order, settings: str) -> object:
    match fact:
        case Fact.ADDRESS:
            return asdict(order.address) if order.address else None
        case Fact.LINES:
            return sorted((ln.id, ln.product_id, ln.variant_id, ln.quantity) for ln in order.lines)
        case Fact.STATUS:
            return order.status
        case Fact.FULFILLMENTS:
            counts = [
                (line.id, line.shipped_counts, line.open_counts, line.partly_shipped) for line in order.lines
            ]
            rows = [asdict(row) for row in order.fulfillments or ()] + [asdict(row) for row in order.returned]
            return [rows, [count for count in counts if any(count[1:])]]
        case Fact.REFUNDS:
            return [asdict(refund) for refund in order.refunds or ()]
        case Fact.SHIPPING_OPTION:
            return [asdict(option) for option in order.shipping_options]
        case Fact.TOTAL:
            return [order.total_minor, order.currency]
        case Fact.SETTINGS:
            return settings


def _hashed(matter: Any) -> str:
    text = json.dumps(matter, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
