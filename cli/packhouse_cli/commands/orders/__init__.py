"""`packhouse orders`: read and change the store's orders, directly at the store; `why` asks the daemon."""

from __future__ import annotations

from packhouse_cli.arguments.command import Deferred, Group

COMMAND = Group(
    "list, get, fulfill, refund, return and exchange orders",
    {
        "list": Deferred("list orders", "orders.list"),
        "get": Deferred("show one order", "orders.get"),
        "fulfill": Deferred(
            "post a tracking number for units that were shipped; this cannot be undone", "orders.fulfill"
        ),
        "refund": Deferred("send money back to the buyer; this cannot be undone", "orders.refund"),
        "return": Deferred("create, approve, receive and reject returns", "orders.returns"),
        "exchange": Deferred("exchange units for another variant", "orders.exchange"),
        "why": Deferred("show the history of one order and what happens next", "why", is_ours=True),
    },
    examples=("packhouse orders list --status pending", "packhouse orders get ord_1"),
)
