"""`packhouse webhooks`: where the store sends events, its log of deliveries, and replaying them."""

from __future__ import annotations

from packhouse_cli.arguments.command import Deferred, Group

COMMAND = Group(
    "manage webhooks; list and replay their deliveries",
    {
        "create": Deferred("register an address; its secret is printed once", "webhooks.create"),
        "list": Deferred("list webhooks", "webhooks.list"),
        "delete": Deferred("stop sending events to an address; this cannot be undone", "webhooks.delete"),
        "rotate": Deferred("replace the signing secret; the new one is printed once", "webhooks.rotate"),
        "deliveries": Deferred("list and replay deliveries", "webhooks.deliveries"),
    },
    description="Manage the addresses that receive the store's events. The API key needs the permissions "
    "read:sites and write:sites.",
    examples=(
        "packhouse webhooks list",
        "packhouse webhooks deliveries list wh_1 --status failed",
    ),
)
