"""Which lines are digital, where the order does not say: its site's catalog, or the list of all products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from packhouse.errors import StoreForbidden
from packhouse.model.order import Line, Order, Product
from packhouse.store.client import StoreClient
from packhouse_cli.changes.digital_lines import mark_digital_lines

ORDER = Order("ord_1", lines=(Line("li_1", "prod_1", quantity=1), Line("li_2", "prod_2", quantity=1)))
CATALOG = {"prod_1": Product("prod_1", is_digital=True), "prod_2": Product("prod_2", is_digital=False)}


class Store:
    """Records which of the two lists was read."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.read: list[str] = []
        self._refusal = refusal

    def products(self, site_slug: str, ids: Sequence[str]) -> dict[str, Product]:
        self.read.append(site_slug)
        return CATALOG

    def merchant_products(self, ids: Sequence[str]) -> dict[str, Product]:
        self.read.append("")
        if self._refusal:
            raise self._refusal
        return CATALOG


@pytest.mark.parametrize("site", ["", "acme"])
def test_an_order_without_a_site_is_looked_up_in_the_list_of_all_products(site: str) -> None:
    store, warnings = Store(), list[str]()
    order = Order(ORDER.id, site_slug=site, lines=ORDER.lines)
    marked = mark_digital_lines(cast(StoreClient, store), order, warnings.append)
    assert [line.is_digital for line in marked.lines] == [True, False]
    assert (store.read, warnings) == ([site], [])


def test_a_list_that_the_key_may_not_read_is_a_warning() -> None:
    store, warnings = Store(StoreForbidden("The key lacks read:content.", status=403)), list[str]()
    assert mark_digital_lines(cast(StoreClient, store), ORDER, warnings.append) == ORDER
    (warning,) = warnings
    assert "read:content" in warning
