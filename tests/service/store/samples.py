"""Orders to vary: the documented one, and one with two lines."""

from __future__ import annotations

from typing import Any

from packhouse.model.order import Order
from packhouse.store.protocol import order_from_json

# The one order that the store's documentation shows, in a webhook: without status, times or an address line.
DOCUMENTED: dict[str, Any] = {
    "id": "ord_724b",
    "currency": "USD",
    "totals": {"subtotal": 4200, "shipping": 500, "tax": 376, "discount": 0, "total": 5076},
    "buyer": {"email": "buyer@example.com"},
    "items": [
        {
            "id": "li_1",
            "product_id": "prod_1",
            "variant_id": "var_1",
            "name": "Mug",
            "quantity": 2,
            "unit_price": 2100,
            "subtotal": 4200,
        }
    ],
    "shipping_address": {"country": "US", "state": "CA", "postcode": "94110"},
    "payment": {"provider": "stripe", "intent_id": "pi_1"},
}
TWO_LINES: dict[str, Any] = {
    **DOCUMENTED,
    "status": "pending",
    "items": [{"id": "li_1", "quantity": 2}, {"id": "li_2", "quantity": 1}],
}


def order(**changes: Any) -> Order:
    return order_from_json({**DOCUMENTED, **changes})
