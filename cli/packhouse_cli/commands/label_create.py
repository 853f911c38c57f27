"""`packhouse labels create`: the shipping system of a script. The daemon buys; the script posts.

A repeated call answers with the same label. What may not ship gets none, with the reason.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import Any

from packhouse_cli.clients.daemon import Daemon
from packhouse_cli.exit_codes import CommandError, Exit, UsageError
from packhouse_cli.invocation import asking
from packhouse_cli.terminal.output import Terminal, safe
from packhouse_cli.terminal.prompt import agree
from packhouse_cli.user.settings import CliSettings

# How long a label that is bought is kept from its caller because its file is still being fetched.
_FILE_S = 5.0


def create(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Ask, wait, print."""
    order = arguments.order
    agree(
        f"Buy the label of order {safe(order)}, if it has none yet?",
        terminal,
        yes=arguments.yes,
        as_written=True,
    )
    with asking(environ) as daemon:
        _make_sure(daemon, order, CliSettings(environ), terminal)
        found = _wait(daemon, order, arguments.reason, arguments.timeout)
        file = None
        if arguments.output and found.get("document"):
            from packhouse_cli.label_file import keep

            file = keep(daemon.label_file(str(found["document"])), arguments.output)
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
    from packhouse_cli.story import cost_of

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
    terminal.note(
        found["why"]
        or f"Packhouse does not post it: packhouse orders fulfill {safe(order)} --carrier "
        f"{safe(found['carrier'])} --tracking {safe(found['tracking'])}"
    )
    return int(Exit.OK)


def _make_sure(daemon: Daemon, order: str, settings: CliSettings, terminal: Terminal) -> None:
    """Where the daemon has not met the order, ask the store, if its key is here, whether there is one at all:
    the daemon would wait for it. Raises the store's errors.
    """
    try:
        daemon.order(order)
    except CommandError as error:
        if error.exit_code is not Exit.NOT_FOUND:
            raise
    else:
        return
    try:
        settings.api_key  # noqa: B018 - raises where there is none
    except UsageError:
        return
    from packhouse_cli.clients.store import open_store

    open_store(settings, terminal).order(order)


def _wait(daemon: Daemon, order: str, reason: str, timeout_s: float) -> dict[str, Any]:
    """The label. Raises CommandError where there will be none, or none in time."""
    began = time.monotonic()
    found = daemon.act_on_order(order, "label", reason=reason)
    pause_s, ready_at = 0.1, 0.0
    while True:
        now = time.monotonic()
        if found["state"] == "ready":
            ready_at = ready_at or now
            if found["complete"] or now > ready_at + _FILE_S:
                return found
        elif found["state"] == "refused":
            _give_back(daemon, found)
            raise CommandError(f"No label for order {safe(order)}. {found['why']}", Exit.CONFLICT, "refused")
        elif now > began + timeout_s:
            raise CommandError(
                f"No label for order {safe(order)} within {timeout_s:g} s. {found['why']} "
                "It is still wanted; the same command waits for it again.",
                Exit.NETWORK,
                "timeout",
            )
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 1.0)
        found = daemon.label_of(order)


def _give_back(daemon: Daemon, found: Mapping[str, Any]) -> None:
    """What gets no label, or several, is the machine's again."""
    bought = found["parcels"] == 1 and found["bought"]
    if found["hold_id"] is not None and not bought:
        daemon.release(int(found["hold_id"]), reason="There is no label to hand out.", gently=True)
