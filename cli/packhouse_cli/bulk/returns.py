"""Returns in bulk: units that are asked back, checked as `orders return create` does it. No I/O."""

from __future__ import annotations

import json

from packhouse.model.order import Order, Units
from packhouse.store import returns as wire
from packhouse.store.requests import StoreRequest
from packhouse_cli.bulk.action import Draft, NotNeeded, NotPlanned, Taken, refused_as_not_planned
from packhouse_cli.bulk.plan import Act
from packhouse_cli.bulk.rows import Row
from packhouse_cli.changes.returns import newest_equal, return_act
from packhouse_cli.terminal.output import safe


class Returns:
    """Units on their way back."""

    name = "return"
    done = "return created"
    for_good = "The store tells the buyer; a return can still be rejected."
    for_parcel = False
    once = True
    lands_later = False
    keyed = False

    def draft(self, row: Row, order: Order, *, again: bool) -> Draft:
        """Exactly the units named."""
        if not row.items:
            raise NotPlanned(f"order {safe(order.id)}: name the units that come back, such as li_1:1")
        with refused_as_not_planned():
            act = return_act(order, row.items, row.reason, again=again)
        if act.already:
            raise NotNeeded(f"order {safe(order.id)} has this return already; --again plans a second one")
        what = ", ".join(f"{part.quantity} of {part.line_id}" for part in row.items)
        return Draft(
            what=f"{what} back: {row.reason}" if row.reason else f"{what} back",
            request=act.request,
            key=act.key,
            after=order,
        )

    def request(self, order_id: str, body: bytes, key: str) -> StoreRequest:
        """POST …/returns."""
        return wire.create_return(order_id, body, key)

    def mind(self, act: Act, taken: Taken) -> None:
        """Nothing of the machine's clashes with it."""

    def is_recorded(self, act: Act, order: Order, *, sent: bool) -> bool:
        """After we sent it, there is one return more, and the newest of its kind is this."""
        rows, was = wire.returns_of(order), act.relied.returns
        if not sent or rows is None or len(rows) != (was or 0) + 1:
            return False
        said = json.loads(act.body)
        units = [Units(item["line_item_id"], item["quantity"]) for item in said["items"]]
        return newest_equal(rows, units, said.get("reason", "")) is not None

    def shows(self, order: Order) -> bool:
        """The store lists the order's returns."""
        return wire.returns_of(order) is not None
