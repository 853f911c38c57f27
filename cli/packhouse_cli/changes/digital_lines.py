"""Which lines of an order are digital: where the order does not say, the store's product catalog does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from packhouse.model.order import Order
    from packhouse.store.client import StoreClient


def mark_digital_lines(store: StoreClient, order: Order, warn: Callable[[str], None]) -> Order:
    """The order with every unknown `is_digital` filled in from the catalog: of its site, or if it names none,
    from the list of all products.

    If the catalog cannot be read, the values stay unknown and `warn` is called.
    """
    from packhouse.errors import StoreError

    unknown = {line.product_id for line in order.lines if line.is_digital is None and line.product_id}
    if not unknown:
        return order
    try:
        if order.site_slug:
            products = store.products(order.site_slug, sorted(unknown))
        else:
            products = store.merchant_products(sorted(unknown))
    except StoreError as error:
        warn(f"Cannot read which lines of order {order.id} are digital: {error}")
        return order
    is_digital = {one: product.is_digital for one, product in products.items()}
    lines = tuple(
        replace(line, is_digital=is_digital.get(line.product_id)) if line.is_digital is None else line
        for line in order.lines
    )
    return replace(order, lines=lines)
