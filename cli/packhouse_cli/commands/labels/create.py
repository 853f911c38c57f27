"""`packhouse labels create`: the daemon buys an order's label, a script posts its tracking number.

A repeated call returns the same label. An order that must not ship gets none, and the reason is printed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from packhouse.model.printable import shell_word
from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import JSON, YES, Option, seconds
from packhouse_cli.commands.labels.files import FORCE
from packhouse_cli.exit_codes import CommandError, Exit, UsageError
from packhouse_cli.terminal.prompt import confirm

if TYPE_CHECKING:
    from packhouse_cli.clients.daemon import Daemon
    from packhouse_cli.invocation import Invocation

# How long the command waits for the file of a label that is bought already.
_FILE_S = 5.0


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    order, terminal = arguments.order, invocation.terminal
    confirm(
        f"Buy a label for order {order}, if it has none yet?",
        terminal,
        yes=arguments.yes,
        as_documented=True,
    )
    with invocation.daemon() as daemon:
        _require_order(daemon, order, invocation)
        found = _wait(daemon, order, arguments.reason, arguments.timeout)
        file = None
        if arguments.output and found.get("document"):
            file = _save(daemon.label_file(str(found["document"])), arguments)
        url = daemon.url_of_label(str(found["document"])) if found.get("document") else None
    label = {
        "tracking": found["tracking"],
        "carrier": found["carrier"],
        "service": found["service"],
        "cost_minor": found["cost_minor"],
        "currency": found["currency"],
        "order_id": found["order_id"],
        "shipment_id": found["shipment_id"],
        "label_url": url,
        "label_file": file,
    }
    if arguments.json:
        terminal.json(label)
        return int(Exit.OK)
    from packhouse_cli.commands.why.timeline import cost_of

    terminal.fields(
        [
            ("order", order),
            ("shipment", label["shipment_id"]),
            ("tracking", label["tracking"]),
            ("carrier", " ".join(part for part in (found["carrier"], found["service"]) if part)),
            ("cost", cost_of(found)),
            ("label file", file or url),
        ]
    )
    parcel = f"--carrier {shell_word(found['carrier'])} --tracking {shell_word(found['tracking'])}"
    terminal.note(
        found["why"]
        or "Packhouse does not post this number. To post it: packhouse orders fulfill "
        f"{shell_word(order)} {parcel}"
    )
    return int(Exit.OK)


def _require_order(daemon: Daemon, order: str, invocation: Invocation) -> None:
    """Where the daemon does not know the order yet, check at the store that it exists, if a key is set.

    Otherwise the daemon would wait for the order. Raises the store's errors.
    """
    try:
        daemon.order(order)
    except CommandError as error:
        if error.exit_code is not Exit.NOT_FOUND:
            raise
    else:
        return
    try:
        invocation.settings.api_key  # noqa: B018 - raises where there is none
    except UsageError:
        return
    invocation.store().order(order)


def _wait(daemon: Daemon, order: str, reason: str, timeout_s: float) -> dict[str, Any]:
    """Wait for the label. Raises CommandError where it is refused, or does not come in time."""
    began = time.monotonic()
    found = daemon.operate_on_order(order, "label", reason=reason)
    pause_s, ready_at = 0.1, 0.0
    while True:
        now = time.monotonic()
        if found["state"] == "ready":
            ready_at = ready_at or now
            if found["complete"] or now > ready_at + _FILE_S:
                return found
        elif found["state"] == "refused":
            _release(daemon, found)
            raise CommandError(f"No label for order {order}. {found['why']}", Exit.CONFLICT, "refused")
        elif now > began + timeout_s:
            raise CommandError(
                f"No label for order {order} within {timeout_s:g} s. {found['why']} "
                "The request is still open; run the same command to wait again.",
                Exit.NETWORK,
                "timeout",
            )
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 1.0)
        found = daemon.label_of(order)


def _save(content: bytes, arguments: argparse.Namespace) -> str:
    from packhouse_cli.commands.labels.saving import save

    try:
        return save(content, arguments.output, force=arguments.force)
    except CommandError as error:
        raise CommandError(
            f"The label is bought. {error} The same command returns the same label.",
            error.exit_code,
            error.code,
        ) from error


def _release(daemon: Daemon, found: Mapping[str, Any]) -> None:
    """Let the daemon process the order again where it gets no label, or several."""
    bought = found["parcels"] == 1 and found["bought"]
    if found["hold_id"] is not None and not bought:
        daemon.release(int(found["hold_id"]), reason="There is no single label to return.", gently=True)


COMMAND = Command(
    "have the daemon buy an order's label once; you post the tracking number",
    _run,
    (
        Option("--order", metavar="ORDER", required=True, help="the order's id"),
        Option(
            "--reason",
            metavar="WHY",
            default="labels create",
            help="the reason; it is written to the journal",
        ),
        Option(
            "--timeout",
            metavar="SECONDS",
            type=seconds,
            default=120.0,
            help="wait at most SECONDS (default 120)",
        ),
        Option("--output", "-o", metavar="FILE", default="", help="write the label's file to FILE"),
        FORCE,
        YES,
        JSON,
    ),
    examples=(
        "packhouse labels create --order ord_1 --json",
        "packhouse labels create --order ord_1 --output ord_1.pdf",
    ),
)
