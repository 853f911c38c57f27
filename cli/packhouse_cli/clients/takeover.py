"""An order in a person's hands: the daemon keeps off it while something is done to it at the store.

with in_hand(order_id, "refund $15.00", environ, terminal) as hand:
    ...                      read the order again: the machine may just have shipped it
    hand.sending()           from here on, only the store's plain no gives the order back
    store.ask(...)
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from packhouse_cli.exit_codes import CommandError, Exit
from packhouse_cli.terminal.output import Terminal, safe
from packhouse_cli.user.settings import CliSettings

if TYPE_CHECKING:
    from packhouse.model.order import Units
    from packhouse_cli.clients.daemon import Daemon

ALONE = "--without-daemon"
NO_DAEMON = (
    "No daemon is set up here (PACKHOUSE_URL, PACKHOUSE_TOKEN): if one serves this store, it does not know "
    "of this and may ship the order as well."
)
_PATIENCE_S = 120.0
_REASON = "By hand."
# What is bought and the store does not know yet.
_UNPOSTED = "labeled"
_TAKEN_BACK = ("voiding", "voided")


class InHand:
    """What is known of the order that was taken. Without a daemon nothing is, and nothing was taken."""

    def __init__(self, order_id: str, taken: Mapping[str, Any] | None = None) -> None:
        self.order_id = order_id
        self.coordinated = taken is not None
        self.hold_id = int(taken["hold"]["id"]) if taken else 0
        self.shipments: list[Mapping[str, Any]] = list(taken["order"]["shipments"]) if taken else []
        # The same line was begun before, and nobody gave the order back: what came of that is not known here.
        self.resumed = bool(taken and taken.get("resumed"))
        self.sent = False
        self.stays_for = ""

    def sending(self) -> None:
        """The store is called now: an end that says nothing no longer gives the order back."""
        self.sent = True

    def stays(self, why: str) -> None:
        """It is done, and yet the machine must keep off, for example until a refund is confirmed."""
        self.stays_for = why

    def refuse_other_labels(self, units: Iterable[Units], tracking: str) -> None:
        """Raise CommandError where the machine has bought another label for any of these units, or has taken
        this one back.
        """
        lines = {some.line_id for some in units}
        for shipment in self.shipments:
            label = shipment.get("label") or {}
            number = str(label.get("tracking_number", ""))
            if shipment.get("state") in _TAKEN_BACK and number == tracking:
                raise CommandError(
                    f"The label {safe(number)} of {safe(shipment['id'])} was taken back: no parcel may go "
                    f"with it, and nothing was sent. See packhouse why {safe(self.order_id)}.",
                    Exit.CONFLICT,
                    "label_taken_back",
                )
            theirs = {str(some["line_id"]) for some in shipment.get("units", ())}
            if shipment.get("state") == _UNPOSTED and number != tracking and lines & theirs:
                order, name = safe(self.order_id), safe(shipment["id"])
                raise CommandError(
                    f"Packhouse has bought a label for these units already: {safe(label.get('carrier'))} "
                    f"{safe(number)} ({name}), and nothing was sent. Ship with that number, or first take it "
                    f"back: packhouse labels void {name} --yes --reason WHY. See packhouse why {order}.",
                    Exit.CONFLICT,
                    "label_bought",
                )


@contextmanager
def in_hand(
    order_id: str,
    doing: str,
    environ: Mapping[str, str],
    terminal: Terminal,
    *,
    alone: bool = False,
) -> Iterator[InHand]:
    """Take the order from the machine, and give it back after.

    `doing` names the act exactly: the same words go on where they were interrupted, others are refused while
    the order is in somebody's hands. Without a daemon a note says so. Raises CommandError where the daemon
    does not answer or the order is taken; where nobody knows whether the store did it, the order stays taken.
    """
    settings = CliSettings(environ)
    if alone or not settings.knows_daemon:
        if not alone:
            terminal.note(NO_DAEMON)
        yield InHand(order_id)
        return
    from packhouse_cli.clients.daemon import Daemon

    daemon = Daemon(settings.daemon_url, settings.token)
    try:
        hand = InHand(order_id, _take(daemon, order_id, doing))
        try:
            yield hand
        except BaseException as error:
            if hand.stays_for:
                _tell_kept(terminal, hand, hand.stays_for)
            elif hand.sent and not _is_plain_no(error):
                _tell_kept(terminal, hand, "Whether the store did it is not known.")
            elif hand.resumed:
                _tell_kept(terminal, hand, "Whether an earlier run of the same line did it is not known.")
            else:
                _give_back(daemon, hand, "Nothing was done.", terminal)
            raise
        if hand.stays_for:
            _tell_kept(terminal, hand, hand.stays_for)
        else:
            _give_back(daemon, hand, f"Done: {doing}.", terminal)
    finally:
        daemon.close()


def give_back_what_is_done(order_id: str, doing: str, environ: Mapping[str, str], *, alone: bool) -> None:
    """Give an order back that this very act has taken and done, and whose hand then died. What the daemon can
    not be asked for now, it finds out by itself as soon as nothing is left to ship.
    """
    settings = CliSettings(environ)
    if alone or not settings.knows_daemon:
        return
    from packhouse_cli.clients.daemon import Daemon

    daemon = Daemon(settings.daemon_url, settings.token)
    try:
        for hold in daemon.order(order_id).get("holds", ()):
            stands = hold.get("released_at") is None and hold.get("code") == "taken_over"
            if stands and hold.get("note") == doing[:500]:
                daemon.release(int(hold["id"]), reason=f"Done: {doing}."[:500], gently=True)
    except CommandError:
        return
    finally:
        daemon.close()


def _take(daemon: Daemon, order_id: str, doing: str) -> dict[str, Any]:
    """Take it, and wait until nothing of the machine's is on its way."""
    until = time.monotonic() + _PATIENCE_S
    pause_s = 0.05
    resumed: bool | None = None
    while True:
        try:
            taken = daemon.act_on_order(order_id, "take", reason=_REASON, doing=doing[:500])
        except CommandError as error:
            if error.exit_code is not Exit.NETWORK:
                raise
            raise CommandError(
                f"{error} Nothing was done: it might ship the order as well. {ALONE} does it all the same.",
                error.exit_code,
                error.code,
            ) from error
        if resumed is None:
            resumed = bool(taken.get("resumed"))  # of the first answer: the next ones go on with our own
        if not taken["in_flight"]:
            return {**taken, "resumed": resumed}
        if time.monotonic() > until:
            raise CommandError(
                f"Order {safe(order_id)} is not free yet: {safe(taken['in_flight'])}. Nothing was done; "
                "Packhouse keeps off it meanwhile, and the same command goes on.",
                Exit.NETWORK,
                "in_flight",
            )
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, 1.0)


def _give_back(daemon: Daemon, hand: InHand, why: str, terminal: Terminal) -> None:
    try:
        daemon.release(hand.hold_id, reason=why[:500], gently=True)
    except CommandError as error:
        terminal.note(f"{error} Until hold {hand.hold_id} is released, Packhouse keeps off the order.")


def _tell_kept(terminal: Terminal, hand: InHand, why: str) -> None:
    terminal.note(
        f"{why} Packhouse keeps off order {safe(hand.order_id)} until you run the same line again or say: "
        f"packhouse holds release {hand.hold_id} --reason WHY"
    )


def _is_plain_no(error: BaseException) -> bool:
    """Whether this end means for certain that the store did nothing."""
    from packhouse.errors import (
        StoreConflict,
        StoreForbidden,
        StoreInvalidRequest,
        StoreNotFound,
        StoreRefused,
        StoreThrottled,
        StoreUnauthorized,
        StoreUnreachable,
    )

    no = (
        StoreUnauthorized,
        StoreConflict,
        StoreForbidden,
        StoreInvalidRequest,
        StoreNotFound,
        StoreRefused,
        StoreThrottled,
    )
    return isinstance(error, (*no, StoreUnreachable))
