"""`packhouse labels`: buy labels, fetch, open and print their files, void and adopt them."""

from __future__ import annotations

from packhouse_cli.arguments.command import Deferred, Group

COMMAND = Group(
    "buy, fetch, open, print, void and adopt labels",
    {
        "create": Deferred(
            "have the daemon buy an order's label once; you post the tracking number", "labels.create"
        ),
        "get": Deferred("fetch a label's file", "labels.get"),
        "open": Deferred("open a label in this desktop's viewer, or print its path", "labels.open"),
        "print": Deferred("send a label to a printer of this machine, with lp", "labels.print"),
        "void": Deferred("void a label whose tracking number is not posted yet", "labels.void"),
        "adopt": Deferred("record a label that you found in the provider's account", "labels.adopt"),
    },
    examples=(
        "packhouse labels create --order ord_1 --json | jq -r .tracking",
        "packhouse labels print ord_1 --printer zebra",
    ),
)
