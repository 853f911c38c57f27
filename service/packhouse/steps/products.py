"""What the store's catalogue says of an order's products, asked once in a while and remembered."""

from __future__ import annotations

from packhouse.errors import StoreForbidden, StoreNotFound, StoreUnauthorized
from packhouse.model.order import Line, Order, Product
from packhouse.packing.weights import entry_for
from packhouse.steps.context import Context

_REMEMBER_S = 600.0
_MOST_REMEMBERED = 20_000


async def digital_by_line(context: Context, order: Order) -> dict[str, bool | None]:
    """Whether each line is digital: the order says, else the settings, else the catalogue, else None."""
    entries = {line.id: entry_for(line, context.settings.products) for line in order.lines}
    known: dict[str, bool | None] = {}
    for line in order.lines:
        entry = entries[line.id]
        known[line.id] = (
            line.is_digital if line.is_digital is not None else (entry.digital if entry else None)
        )
    unsure = [line for line in order.lines if known[line.id] is None and line.product_id]
    if unsure:
        products = await products_of(context, order, unsure)
        for line in unsure:
            product = products.get(line.product_id)
            known[line.id] = product.is_digital if product else None
    return known


async def weights_g(context: Context, order: Order) -> dict[str, int]:
    """The catalogue's weights by product id, for lines that the settings do not weigh."""
    unweighed = [
        line
        for line in order.lines
        if line.product_id and not ((entry := entry_for(line, context.settings.products)) and entry.weight_g)
    ]
    products = await products_of(context, order, unweighed) if unweighed else {}
    return {product.id: product.weight_g for product in products.values() if product and product.weight_g}


async def products_of(context: Context, order: Order, lines: list[Line]) -> dict[str, Product | None]:
    """Products by id, from memory where fresh. A catalogue that does not answer for us says nothing."""
    now, site = context.clock.monotonic(), order.site_slug or context.settings.store.site_slug
    ids = list(dict.fromkeys(line.product_id for line in lines))
    missing = [i for i in ids if context.products.get((site, i), (0.0, None))[0] <= now]
    if missing and site:
        try:
            found = await context.store.products(site, missing)
        except (StoreNotFound, StoreForbidden, StoreUnauthorized):
            found = {}
        if len(context.products) > _MOST_REMEMBERED:
            context.products.clear()
        for product_id in missing:
            context.products[site, product_id] = (now + _REMEMBER_S, found.get(product_id))
    return {i: context.products.get((site, i), (0.0, None))[1] for i in ids}
