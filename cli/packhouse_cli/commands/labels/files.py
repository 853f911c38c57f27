"""Fetches a label's file from the daemon, and reports it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
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
FORCE = Option("--force", action="store_true", help="replace a file that exists already")


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


def fetch_paper(
    name: str, kind: str, invocation: Invocation
) -> tuple[dict[str, Any], Mapping[str, Any], bytes]:
    """The shipment, its label's first paper of this kind that the daemon has, and the bytes of that paper."""
    with invocation.daemon() as daemon:
        shipment = _shipment_of(daemon, name)
        papers = (shipment.get("label") or {}).get("papers") or ()
        paper = next((one for one in papers if one.get("kind") == kind and one.get("document")), None)
        if paper is None:
            kinds = ", ".join(str(one.get("kind")) for one in papers) or "none"
            raise CommandError(
                f"The daemon has no file of a {kind} for shipment {shipment['id']}. Its papers: {kinds}.",
                Exit.NOT_FOUND,
                "not_found",
            )
        return shipment, paper, daemon.label_file(str(paper["document"]))


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
    kind: str,
    file: str | None,
    line: str,
    **more: object,
) -> int:
    """Print the label's values as JSON, or one line for people. `kind` is the file's own."""
    terminal = invocation.terminal
    label = shipment["label"]
    if arguments.json:
        terminal.json(
            {
                "shipment_id": shipment["id"],
                "tracking": label.get("tracking_number"),
                "format": kind,
                "sha256": label.get("document"),
                "file": file,
                **more,
            }
        )
    else:
        terminal.line(line)
    return int(Exit.OK)
