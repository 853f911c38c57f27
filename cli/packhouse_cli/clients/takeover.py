"""Takes an order over from the daemon while the command changes it at the store.

with take_over(daemon, order_id, "refund $15.00", note) as takeover:
    ...                      read the order again: the daemon may just have shipped it
    takeover.mark_sent()     from here on, only a plain refusal by the store releases the order
    store.ask(...)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from packhouse.model.printable import shell_word
from packhouse.model.tracking_number import same_number
from packhouse_cli.exit_codes import CommandError, Exit

if TYPE_CHECKING:
    from packhouse.model.order import Units
    from packhouse_cli.clients.daemon import Daemon

WITHOUT_DAEMON = "--without-daemon"
NO_DAEMON = (
    "No daemon is configured (PACKHOUSE_URL, PACKHOUSE_TOKEN). If a daemon serves this store, it does not "
    "know of this change and may ship the order as well."
)
_LONGEST_WAIT_S = 120.0
_LONGEST_TEXT = 500
# Bought, and not yet posted to the store.
_UNPOSTED = "labeled"
_VOIDED = ("voiding", "voided")


class Takeover:
    """What is known of the order that was taken over; without a daemon, nothing is known or taken over."""

    def __init__(self, order_id: str, answer: Mapping[str, Any] | None = None) -> None:
        self.order_id = order_id
        self.coordinated = answer is not None
        self.hold_id = int(answer["hold"]["id"]) if answer else 0
        self.shipments: list[Mapping[str, Any]] = list(answer["order"]["shipments"]) if answer else []
        # The same change was begun before and did not release the order: its outcome is not known here.
        self.resumed = bool(answer and answer.get("resumed"))
        self.is_sent = False
        self.kept_because = ""

    def mark_sent(self) -> None:
        """The store is called now: after an unclear outcome the order is no longer released."""
        self.is_sent = True

    def keep(self, why: str) -> None:
        """Do not release the order at the end, for example until a refund is confirmed; "" releases it."""
        self.kept_because = why

    def refuse_other_labels(self, units: Iterable[Units], tracking: str) -> None:
        """Raise CommandError where Packhouse has bought another label for any of these units, or has voided
        this one.
        """
        lines = {some.line_id for some in units}
        for shipment in self.shipments:
            label = shipment.get("label") or {}
            number = str(label.get("tracking_number", ""))
            name = shipment.get("id")
            if shipment.get("state") in _VOIDED and same_number(number, tracking):
                raise CommandError(
                    f"The label {number} of shipment {name} is voided: no parcel may use it. Nothing was "
                    f"sent. See packhouse why {shell_word(self.order_id)}.",
                    Exit.CONFLICT,
                    "label_voided",
                )
            other_lines = {str(some["line_id"]) for some in shipment.get("units", ())}
            if shipment.get("state") != _UNPOSTED or same_number(number, tracking):
                continue
            if lines & other_lines:
                raise CommandError(
                    f"Packhouse has already bought a label for these units: {label.get('carrier')} {number} "
                    f"(shipment {name}). Nothing was sent. Ship with that number, or void the label first: "
                    f"packhouse labels void {shell_word(name)} --yes --reason WHY. See packhouse why "
                    f"{shell_word(self.order_id)}.",
                    Exit.CONFLICT,
                    "label_bought",
                )


@contextmanager
def take_over(
    daemon: Daemon | None, order_id: str, purpose: str, note: Callable[[str], None]
) -> Iterator[Takeover]:
    """Take the order over, and release it at the end. Without a daemon nothing is taken over.

    `purpose` names the change exactly: the same words resume an interrupted change, other words are refused
    while the order is taken over. Raises CommandError where the daemon does not answer or refuses. Where the
    outcome at the store is not known, the order stays taken over, and `note` gets a line about it.
    """
    if daemon is None:
        yield Takeover(order_id)
        return
    takeover = Takeover(order_id, _acquire(daemon, order_id, purpose))
    try:
        yield takeover
    except BaseException as error:
        if takeover.kept_because:
            _note_kept(takeover, takeover.kept_because, note)
        elif takeover.is_sent and not _is_refusal(error):
            _note_kept(takeover, "It is not known whether the store made the change.", note)
        elif takeover.resumed:
            _note_kept(
                takeover, "It is not known whether an earlier run of this command made the change.", note
            )
        else:
            _release(daemon, takeover, "Nothing was done.", note)
        raise
    if takeover.kept_because:
        _note_kept(takeover, takeover.kept_because, note)
    else:
        _release(daemon, takeover, f"Done: {purpose}.", note)


def release_finished(daemon: Daemon, order_id: str, purpose: str) -> None:
    """Release an order that an interrupted run of this same change has taken over and finished.

    Where the daemon cannot be asked now, it finds out by itself as soon as nothing is left to ship.
    """
    try:
        for hold in daemon.order(order_id).get("holds", ()):
            is_active = hold.get("released_at") is None and hold.get("code") == "taken_over"
            if is_active and hold.get("note") == purpose[:_LONGEST_TEXT]:
                daemon.release(int(hold["id"]), reason=f"Done: {purpose}."[:_LONGEST_TEXT], gently=True)
    except CommandError:
        return


def _acquire(daemon: Daemon, order_id: str, purpose: str) -> dict[str, Any]:
    """Take the order over, and wait until the daemon has finished the step it is in."""
    until = time.monotonic() + _LONGEST_WAIT_S
    pause_s = 0.05
    resumed: bool | None = None
    while True:
        try:
            answer = daemon.operate_on_order(
                order_id, "takeover", reason=_caller(), purpose=purpose[:_LONGEST_TEXT]
            )
        except CommandError as error:
            if error.exit_code is not Exit.NETWORK:
                raise
            raise CommandError(
                f"{error} Nothing was done, because the daemon might ship the order as well. "
                f"{WITHOUT_DAEMON} makes the change without the daemon.",
                error.exit_code,
                error.code,
            ) from error
        if resumed is None:
            resumed = bool(
                answer.get("resumed")
            )  # the first response counts: later ones resume our own takeover
        if not answer["in_flight"]:
            return {**answer, "resumed": resumed}
        if time.monotonic() > until:
            raise CommandError(
                f"Order {order_id} is still in progress: {answer['in_flight']}. Nothing was done. Packhouse "
                "starts nothing new on the order; run the same command again.",
                Exit.NETWORK,
                "in_flight",
            )
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, 1.0)


def _caller() -> str:
    """Who runs the command, for the journal: the token's name alone may stand for several people."""
    import getpass
    import platform

    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "an unknown user"
    return f"Done by {user} on {platform.node() or 'this machine'} with the packhouse command."


def _release(daemon: Daemon, takeover: Takeover, why: str, note: Callable[[str], None]) -> None:
    try:
        daemon.release(takeover.hold_id, reason=why[:_LONGEST_TEXT], gently=True)
    except CommandError as error:
        note(f"{error} Packhouse does nothing with the order until hold {takeover.hold_id} is released.")


def _note_kept(takeover: Takeover, why: str, note: Callable[[str], None]) -> None:
    note(
        f"{why} Packhouse does nothing with order {takeover.order_id} until you run the same command again, "
        f"or release its hold: packhouse holds release {shell_word(takeover.hold_id)} --reason WHY"
    )


def _is_refusal(error: BaseException) -> bool:
    """Whether this error means for certain that the store changed nothing."""
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

    refusals = (
        StoreUnauthorized,
        StoreConflict,
        StoreForbidden,
        StoreInvalidRequest,
        StoreNotFound,
        StoreRefused,
        StoreThrottled,
    )
    return isinstance(error, (*refusals, StoreUnreachable))
