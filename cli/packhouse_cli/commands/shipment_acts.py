"""What the verbs of `packhouse shipments` do: a question where it is due, one call, one line."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from packhouse_cli.exit_codes import Exit, UsageError
from packhouse_cli.invocation import asking
from packhouse_cli.terminal.output import Terminal, safe
from packhouse_cli.terminal.prompt import agree


def hold(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Stop one shipment."""
    placed = _act("holds", arguments, environ)
    number = safe(placed.get("id"))
    name = safe(arguments.shipment)
    return _told(
        placed,
        f"Shipment {name} is held (hold {number}). To undo: packhouse shipments release {name} --reason WHY",
        arguments,
        terminal,
    )


def release(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Undo a person's holds."""
    shipment = _act("release", arguments, environ)
    return _told(
        shipment, f"No hold of a person's stands on {safe(arguments.shipment)} any more.", arguments, terminal
    )


def ship(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Set aside what a person may set aside."""
    name = safe(arguments.shipment)
    agree(
        f"Ship {name} although it was held? A label is bought, and the buyer is told.",
        terminal,
        yes=arguments.yes,
    )
    shipment = _act("ship", arguments, environ)
    return _told(shipment, f"Shipment {name} goes on now.", arguments, terminal)


def void(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Ask a label's money back."""
    name = safe(arguments.shipment)
    agree(f"Take the label of {name} back? It cannot be used any more then.", terminal, yes=arguments.yes)
    shipment = _act("void", arguments, environ, again=arguments.again)
    after = "a new one is bought then" if arguments.again else "the order is held then"
    return _told(
        shipment,
        f"The label of {name} is taken back as soon as that is safe; {after}. "
        f"packhouse why {safe(shipment.get('order_id'))} tells how it went.",
        arguments,
        terminal,
    )


def mark_shipped(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Say that a parcel has left."""
    name, number = safe(arguments.shipment), safe(arguments.tracking)
    agree(
        f"Tell the buyer that {name} is on its way as {safe(arguments.carrier)} {number}? "
        "The store cannot forget it again.",
        terminal,
        yes=arguments.yes,
    )
    shipment = _act(
        "mark-shipped",
        arguments,
        environ,
        carrier=arguments.carrier,
        tracking_number=arguments.tracking,
    )
    line = f"Shipment {name} left as {number}; Packhouse tells the store, and buys no label."
    return _told(shipment, line, arguments, terminal)


def retry(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Look again now; where a purchase is in doubt, only for somebody who looked."""
    name = safe(arguments.shipment)
    if arguments.not_bought:
        shipment = _act("not-bought", arguments, environ)
        line = f"Shipment {name} is planned again; a label will be bought."
        return _told(shipment, line, arguments, terminal)
    with asking(environ) as daemon:
        order = daemon.order(str(daemon.shipment(arguments.shipment).get("order_id", "")))
        if _in_doubt(order, arguments.shipment):
            raise UsageError(
                "A label may have been bought. Look in the carrier's account; if none is there, add "
                "--not-bought; if one is: packhouse labels adopt."
            )
        order = daemon.act_on_order(str(order["id"]), "retry", reason=arguments.reason)
    return _told(order, f"Order {safe(order.get('id'))} is looked at now.", arguments, terminal)


def _in_doubt(order: Mapping[str, Any], shipment_id: str) -> bool:
    doubtful = any(
        one.get("id") == shipment_id and one.get("state") in ("unknown", "buying")
        for one in order.get("shipments", ())
    )
    return doubtful or any(
        one.get("code") == "purchase_unknown"
        and one.get("released_at") is None
        and one.get("shipment_id") == shipment_id
        for one in order.get("holds", ())
    )


def _act(verb: str, arguments: argparse.Namespace, environ: Mapping[str, str], **more: object) -> Any:
    with asking(environ) as daemon:
        return daemon.act_on_shipment(arguments.shipment, verb, reason=arguments.reason, **more)


def _told(answer: Any, line: str, arguments: argparse.Namespace, terminal: Terminal) -> int:
    if arguments.json:
        terminal.json(answer)
    else:
        terminal.line(line)
    return int(Exit.OK)
