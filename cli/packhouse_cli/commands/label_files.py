"""`packhouse labels get`, `open` and `print`: a label's file, fetched from the daemon."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from packhouse_cli import label_file
from packhouse_cli.clients.daemon import Daemon
from packhouse_cli.exit_codes import CommandError, Exit, UsageError
from packhouse_cli.invocation import asking
from packhouse_cli.terminal.output import Terminal, safe

_LIVE = ("bought", "void_refused")


def get(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Write it to a file, or to standard output."""
    shipment, content = _fetch(arguments.shipment, environ)
    if arguments.output == "-":
        if arguments.json:
            raise UsageError("--output - writes the label itself to standard output; leave --json away.")
        terminal.stdout.flush()
        terminal.stdout.buffer.write(content)
        terminal.stdout.buffer.flush()
        return int(Exit.OK)
    kind = shipment["label"]["document_format"]
    name = label_file.keep(content, arguments.output or f"{shipment['id']}.{kind}")
    return _told(terminal, arguments, shipment, name, f"{safe(name)}: {len(content)} bytes of {kind}.")


def open_it(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Open it in the desktop's viewer."""
    import tempfile
    from pathlib import Path

    shipment, content = _fetch(arguments.shipment, environ)
    folder = Path(tempfile.mkdtemp(prefix="packhouse-label-"))
    file = label_file.keep(content, str(folder / f"{shipment['id']}.{shipment['label']['document_format']}"))
    program = label_file.viewer(environ)
    opened = program is not None and label_file.show(program, file, environ)
    if not opened:
        terminal.note("There is no desktop here that opens it.")
    return _told(terminal, arguments, shipment, file, file, opened=opened)


def print_it(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Send it to a printer."""
    if arguments.copies < 1:
        raise UsageError("--copies must be 1 or more.")
    shipment, content = _fetch(arguments.shipment, environ)
    kind = str(shipment["label"]["document_format"])
    said = label_file.send(
        content, kind, str(shipment["id"]), environ, printer=arguments.printer, copies=arguments.copies
    )
    line = f"The label of {safe(shipment['id'])} is at the printer. {said}".strip()
    return _told(terminal, arguments, shipment, None, line, printer=said)


def _fetch(name: str, environ: Mapping[str, str]) -> tuple[dict[str, Any], bytes]:
    with asking(environ) as daemon:
        shipment = _shipment_of(daemon, name)
        label = shipment.get("label") or {}
        if not label:
            raise CommandError(f"Shipment {safe(shipment['id'])} has no label.", Exit.NOT_FOUND, "not_found")
        if not label.get("document"):
            raise CommandError(
                f"The file of label {safe(label.get('tracking_number'))} is not here: the carrier gave "
                "none, or it is still being fetched.",
                Exit.NOT_FOUND,
                "not_found",
            )
        return shipment, daemon.label_file(str(label["document"]))


def _shipment_of(daemon: Daemon, name: str) -> dict[str, Any]:
    """The shipment of this id, or the one of an order's that has a label which counts."""
    try:
        return daemon.shipment(name)
    except CommandError as error:
        if error.exit_code is not Exit.NOT_FOUND:
            raise
        order = daemon.order(name)
    labeled = [one for one in order.get("shipments", ()) if (one.get("label") or {}).get("state") in _LIVE]
    if not labeled:
        raise CommandError(f"Order {safe(name)} has no label.", Exit.NOT_FOUND, "not_found")
    if len(labeled) > 1:
        names = ", ".join(safe(one["id"]) for one in labeled)
        raise UsageError(f"Order {safe(name)} has {len(labeled)} labels; name one of its shipments: {names}.")
    return dict(labeled[0])


def _told(
    terminal: Terminal,
    arguments: argparse.Namespace,
    shipment: Mapping[str, Any],
    file: str | None,
    line: str,
    **more: object,
) -> int:
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
