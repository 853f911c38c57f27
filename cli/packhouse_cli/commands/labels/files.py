"""Fetches a label's file from the daemon and writes it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packhouse_cli.arguments.options import JSON, Option
from packhouse_cli.exit_codes import CommandError, Exit, UsageError

if TYPE_CHECKING:
    from packhouse_cli.clients.daemon import Daemon
    from packhouse_cli.invocation import Invocation

_USABLE = ("bought", "void_refused")
OPTIONS = (
    Option("shipment", metavar="SHIPMENT", help="a shipment's id, or the id of an order with one label"),
    JSON,
)


def fetch(name: str, invocation: Invocation) -> tuple[dict[str, Any], bytes]:
    """The shipment and its label's bytes. `name` is a shipment's id, or an order's with one label."""
    with invocation.daemon() as daemon:
        shipment = _shipment_of(daemon, name)
        label = shipment.get("label") or {}
        if not label:
            raise CommandError(f"Shipment {shipment['id']} has no label.", Exit.NOT_FOUND, "not_found")
        if not label.get("document"):
            raise CommandError(
                f"The daemon has no file of label {label.get('tracking_number')}: the provider sent none, or "
                "the file is still being fetched.",
                Exit.NOT_FOUND,
                "not_found",
            )
        return shipment, daemon.label_file(str(label["document"]))


def _shipment_of(daemon: Daemon, name: str) -> dict[str, Any]:
    """The shipment with this id, or the only shipment of this order that has a usable label."""
    try:
        return daemon.shipment(name)
    except CommandError as error:
        if error.exit_code is not Exit.NOT_FOUND:
            raise
        order = daemon.order(name)
    labeled = [one for one in order.get("shipments", ()) if (one.get("label") or {}).get("state") in _USABLE]
    if not labeled:
        raise CommandError(f"Order {name} has no label.", Exit.NOT_FOUND, "not_found")
    if len(labeled) > 1:
        names = ", ".join(str(one["id"]) for one in labeled)
        raise UsageError(f"Order {name} has {len(labeled)} labels. Pass one of its shipments: {names}.")
    return dict(labeled[0])


def report(
    invocation: Invocation,
    arguments: argparse.Namespace,
    shipment: Mapping[str, Any],
    file: str | None,
    line: str,
    **more: object,
) -> int:
    """Print the label's values as JSON, or one line for people."""
    terminal = invocation.terminal
    label = shipment["label"]
    if arguments.json:
        terminal.json(
            {
                "shipment_id": shipment["id"],
                "tracking": label["tracking_number"],
                "format": label["document_format"],
                "sha256": label["document"],
                "file": file,
                **more,
            }
        )
    else:
        terminal.line(line)
    return int(Exit.OK)


def save(content: bytes, name: str, mode: int = 0o666) -> str:
    """Write the file, whole or not at all, with this mode less the umask. Returns its name."""
    place = Path(name)
    fresh = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content)
        fresh.replace(place)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise CommandError(
            f"Cannot write the label to {name} ({error.strerror}).", Exit.UNKNOWN, "system"
        ) from error
    return str(place)
