"""One change of one order: the exact request, and how the order shows that it happened. It is sent once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packhouse_cli.exit_codes import CommandError, Exit

if TYPE_CHECKING:
    from packhouse.model.order import Order
    from packhouse.store.client import StoreClient
    from packhouse.store.requests import StoreRequest
    from packhouse.store.responses import StoreResponse


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an order, ready to be sent.

    `summary` describes it ("refund $15.00 of order ord_1"). `irreversible_note` says what cannot be undone;
    it is "" if everything can be. `label` names the change to the daemon: the same change has the same label
    in every language and on every run. `is_visible_in` says whether an order, read again, shows the change.
    `already_recorded` is true if the order shows the change now, so that nothing needs to be sent.
    `is_shown_by` says whether the store's answer shows the change; if not, the order is read, unless
    `is_listed_in` says that it cannot show one. None for a change that the store completes later.
    `unlisted_intent` names the change where the store's orders show none of its kind: then only the record of
    what was sent shows that it was made before. It is "" where the order shows them, and for `--again`.
    """

    order: Order
    request: StoreRequest
    key: str
    summary: str
    irreversible_note: str
    is_visible_in: Callable[[Order], bool]
    already_recorded: bool = False
    label: str = ""
    unlisted_intent: str = ""
    is_shown_by: Callable[[StoreResponse], bool] | None = None
    is_listed_in: Callable[[Order], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """The result of a change. `order` is the order as last read.

    `answer` is the store's response, None if no usable response came. `already_recorded` is true if the order
    shows the change, no matter who made it.
    """

    change: Change
    order: Order
    answer: StoreResponse | None = None
    already_recorded: bool = False


def intent_key(*intent: object) -> str:
    """The idempotency key of an intent.

    Equal intents have equal keys, so a command can be repeated safely.
    """
    text = json.dumps(intent, separators=(",", ":"))
    return f"packhouse-cli-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def key_for_repeat(shown: int | None, *intent: object) -> str:
    """The key for a deliberate repeat; `shown` counts the equal changes that the order shows now.

    The key stays the same until the order shows one more, so a command that is killed and run again makes
    one change. If the order does not list such changes (None), repeats cannot be distinguished, and each key
    is new.
    """
    return random_key() if shown is None else intent_key(*intent, "another after", shown)


def random_key() -> str:
    """An idempotency key that was never used before."""
    import secrets

    return f"packhouse-cli-again-{secrets.token_hex(16)}"


def send_change(store: StoreClient, change: Change) -> ChangeResult:
    """Send the change, unless the order shows it already. If the response is lost, read the order again.

    Raises StoreError if the store refuses or was never reached, and CommandError `unknown_outcome` if neither
    the response nor the order shows what happened.
    """
    from packhouse.errors import (
        StoreConflict,
        StoreRefused,
        StoreUnanswered,
        StoreUnavailable,
        StoreUnreadable,
    )

    if change.already_recorded:
        return ChangeResult(change, change.order, already_recorded=True)
    try:
        answer = store.ask(change.request)
        if change.is_shown_by is None or change.is_shown_by(answer):
            return ChangeResult(change, change.order, answer)
        return _seen_in_order(store, change, answer)
    except (StoreConflict, StoreRefused) as error:
        order = _read_again(store, change)
        if order is not None and change.is_visible_in(order):
            return ChangeResult(change, order, already_recorded=True)
        raise error
    except KeyboardInterrupt:
        raise CommandError(
            f"Interrupted. Packhouse does not know whether the store made this change: {change.summary}. "
            f"{_retry_advice(change)}",
            Exit.INTERRUPTED,
            "interrupted",
        ) from None
    except (StoreUnanswered, StoreUnavailable, StoreUnreadable) as error:
        order = _read_again(store, change)
        if order is not None and change.is_visible_in(order):
            return ChangeResult(change, order, already_recorded=True)
        raise _unknown_outcome(error, change, order) from error


def _seen_in_order(store: StoreClient, change: Change, answer: StoreResponse) -> ChangeResult:
    """The result after an answer that does not show the change: the order does, or cannot.

    Raises StoreUnreadable if it would have to and does not.
    """
    from packhouse.errors import StoreUnreadable

    order = _read_again(store, change)
    if order is not None and (change.is_visible_in(order) or not change.is_listed_in(order)):
        return ChangeResult(change, order, answer)
    raise StoreUnreadable(
        f"The store answered {answer.status} and did not show the change.", status=answer.status
    )


def _read_again(store: StoreClient, change: Change) -> Order | None:
    from packhouse.errors import StoreError

    try:
        return store.order(change.order.id)
    except StoreError:
        return None


def _unknown_outcome(error: Exception, change: Change, order: Order | None) -> CommandError:
    """The error for a change that may or may not have happened: what is known, and how to retry safely."""
    from packhouse.errors import StoreError, StoreUnanswered

    assert isinstance(error, StoreError)
    cause = str(error)
    for advice in (" Its effect is not known", " It will be tried", " Whether it took effect"):
        cause = cause.split(advice)[0]
    if order is None:
        found = "The order could not be read again."
    else:
        found = f"Order {order.id} ({order.status or 'no status'}), read again, does not show the change."
    return CommandError(
        f"Unknown outcome: {cause} {found} {_retry_advice(change)}",
        Exit.NETWORK if isinstance(error, StoreUnanswered) else Exit.UNKNOWN,
        "unknown_outcome",
        status=error.status,
    )


def _retry_advice(change: Change) -> str:
    return (
        f"Run the same command again with --idempotency-key {change.key}: "
        "the store makes a change at most once for each key."
    )
