"""From one page of a list to the next, until there is none; a store that leads in a circle is found out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packhouse.errors import StoreUnreadable
from packhouse.store.requests import OrdersQuery

if TYPE_CHECKING:
    from packhouse.model.order import OrderPage
    from packhouse.store.responses import Listed


class Pages:
    """The way through one list. Ask for `query`, hand the page to `turn`, until it is None.

    `query` is what to ask next; after the last page it is None.
    """

    def __init__(self, query: OrdersQuery) -> None:
        self.query: OrdersQuery | None = query
        self._followed = {query.cursor}

    def turn(self, page: OrderPage | Listed) -> None:
        """Go on to the page after this one. Raises StoreUnreadable when that was asked for before."""
        if self.query is None:
            return
        if page.next_cursor is None:
            self.query = None
            return
        if page.next_cursor in self._followed:
            raise StoreUnreadable(
                "The store's list of orders leads back to a page already read; reading stopped there."
            )
        self._followed.add(page.next_cursor)
        self.query = self.query._replace(cursor=page.next_cursor)
