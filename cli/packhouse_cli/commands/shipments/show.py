"""`packhouse shipments show`: one shipment with its units, label and holds."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import JSON, SHIPMENT
from packhouse_cli.exit_codes import Exit
from packhouse_cli.terminal.formats import day_and_time

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    with invocation.daemon() as daemon:
        shipment = daemon.shipment(arguments.shipment)
        order = daemon.order(str(shipment.get("order_id", "")))
    if arguments.json:
        invocation.terminal.json(shipment)
        return int(Exit.OK)
    from packhouse_cli.commands.why.timeline import advice_of, cost_of

    label = shipment.get("label") or {}
    units = ", ".join(f"{row['quantity']} of {row['line_id']}" for row in shipment.get("units", ()))
    holds = [
        hold
        for hold in order.get("holds", ())
        if hold.get("released_at") is None and hold.get("shipment_id") in ("", shipment.get("id"))
    ]
    invocation.terminal.fields(
        [
            ("shipment", shipment.get("id")),
            ("order", shipment.get("order_id")),
            ("state", shipment.get("state")),
            ("units", units),
            ("label", " ".join((str(label.get("carrier", "")), str(label.get("service", "")))).strip()),
            ("tracking", label.get("tracking_number")),
            ("cost", cost_of(shipment)),
            ("bought", day_and_time(label.get("bought_at"))),
            ("label file", label.get("document_format") if label.get("document") else ""),
            *(("paper", _paper_line(paper)) for paper in label.get("papers") or ()),
            *(
                (f"hold {hold.get('id')}" if number == 0 else "", line)
                for hold in holds
                for number, line in enumerate(advice_of(hold))
            ),
        ]
    )
    return int(Exit.OK)


def _paper_line(paper: Mapping[str, Any]) -> str:
    """A paper's kind and where its file is: with the daemon, at the carrier only, or still missing."""
    parts = [str(paper.get("kind", ""))]
    if paper.get("document"):
        parts.append(str(paper.get("document_format")))
    if paper.get("submitted"):
        parts.append("(submitted electronically)")
    elif not paper.get("document"):
        problem = paper.get("problem")
        parts.append(f"(not fetched: {problem})" if problem else "(not fetched yet)")
    return " ".join(parts)


COMMAND = Command(
    "show one shipment in full",
    _run,
    (SHIPMENT, JSON),
    examples=("packhouse shipments show ord_1-1",),
)
