"""`packhouse shipments`: list shipments, and change one: hold, release, ship, retry, void, adopt."""

from __future__ import annotations

from packhouse_cli.arguments.command import Deferred, Group

COMMAND = Group(
    "list, hold, ship and void shipments",
    {
        "list": Deferred("list shipments, most recently changed first", "shipments.list"),
        "show": Deferred("show one shipment in full", "shipments.show"),
        "hold": Deferred("hold one shipment until it is released", "shipments.hold"),
        "release": Deferred(
            "release the manual holds of a shipment; a refused void is requested once more",
            "shipments.release",
        ),
        "ship": Deferred("ship a held shipment, if its holds may be overridden", "shipments.ship"),
        "retry": Deferred("process a shipment again now", "shipments.retry"),
        "void": Deferred("void a label whose tracking number is not posted yet", "labels.void"),
        "adopt": Deferred("record a label that you found in the provider's account", "labels.adopt"),
        "mark-shipped": Deferred(
            "post the tracking number of a shipment that you sent yourself; no label is bought",
            "shipments.mark_shipped",
        ),
    },
    examples=("packhouse shipments list --state held", "packhouse shipments show ord_1-1"),
)
