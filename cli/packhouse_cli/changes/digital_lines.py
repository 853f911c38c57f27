"""Which lines of an order are digital, where the order itself does not say: the store's catalogue does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packhouse_cli.terminal.output import safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from packhouse.model.order import Order
    from packhouse.store.client import StoreClient


def with_catalogue(store: StoreClient, order: Order, told: Callable[[str], None]) -> Order:
    """The order with `is_digital` filled from the catalogue where it was open: one call, or none.

    A catalogue that cannot be read leaves it open, and `told` hears of it.
    """
    from packhouse.errors import StoreError

    open_ones = {line.product_id for line in order.lines if line.is_digital is None and line.product_id}
    if not open_ones or not order.site_slug:
        return order
    try:
        products = store.products(order.site_slug, sorted(open_ones))
    except StoreError as error:
        told(f"Which lines of order {safe(order.id)} are digital could not be read: {safe(error)}")
        return order
    said = {one: product.is_digital for one, product in products.items()}
    lines = tuple(
        replace(line, is_digital=said.get(line.product_id)) if line.is_digital is None else line
        for line in order.lines
    )
    return replace(order, lines=lines)
