"""One act on one order: the exact request, and how the order shows that it happened. It is sent once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packhouse_cli.exit_codes import CommandError, Exit
from packhouse_cli.terminal.output import safe

if TYPE_CHECKING:
    from packhouse.model.order import Order
    from packhouse.store.client import StoreClient
    from packhouse.store.requests import StoreRequest
    from packhouse.store.responses import StoreResponse


@dataclass(frozen=True, slots=True)
class Act:
    """What is to be done to an order. `told` is it in words ("refund $15.00 of order ord_1"), `for_good` the
    sentence on what cannot be undone, "" where it can. `doing` names it to a daemon, in the same words in any
    language and however often it is run.

    `shown_by` says whether an order, read again, shows that it happened. `already`: the order shows it now,
    and nothing is to be sent.
    """

    order: Order
    request: StoreRequest
    key: str
    told: str
    for_good: str
    shown_by: Callable[[Order], bool]
    already: bool = False
    doing: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of an act. `answer` is the store's, None where it gave none that says anything: `already`
    means that the store's record shows it, whoever did it. `order` is the order as last read.
    """

    act: Act
    order: Order
    answer: StoreResponse | None = None
    already: bool = False


def intent_key(*intent: object) -> str:
    """The same intent gives the same key: what is run again after a lost answer is never done twice."""
    text = json.dumps(intent, separators=(",", ":"))
    return f"packhouse-cli-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def key_of_another(shown: int | None, *intent: object) -> str:
    """A key for what is deliberately done again; `shown` counts the equal ones that the order shows now.

    Until it shows one more, the same line has the same key: killed and run again, it is done once. Where the
    order shows none at all (None) nothing tells them apart, and the key is a new one each time.
    """
    return fresh_key() if shown is None else intent_key(*intent, "another after", shown)


def fresh_key() -> str:
    """A key that was never used."""
    import secrets

    return f"packhouse-cli-again-{secrets.token_hex(16)}"


def carry_out(store: StoreClient, act: Act) -> Done:
    """Send the act, unless the order shows it already, and find out what happened where no answer says.

    Raises StoreError where the store says no or was never reached, CommandError `unknown_outcome` where
    neither its answer nor its record tells.
    """
    from packhouse.errors import (
        StoreConflict,
        StoreRefused,
        StoreUnanswered,
        StoreUnavailable,
        StoreUnreadable,
    )

    if act.already:
        return Done(act, act.order, already=True)
    try:
        return Done(act, act.order, store.ask(act.request))
    except (StoreConflict, StoreRefused) as error:
        order = _read_again(store, act)
        if order is not None and act.shown_by(order):
            return Done(act, order, already=True)
        raise error
    except KeyboardInterrupt:
        raise CommandError(
            f"Interrupted, and whether the store does it is not known: {act.told}. {_way_on(act)}",
            Exit.INTERRUPTED,
            "interrupted",
        ) from None
    except (StoreUnanswered, StoreUnavailable, StoreUnreadable) as error:
        order = _read_again(store, act)
        if order is not None and act.shown_by(order):
            return Done(act, order, already=True)
        raise _unknown(error, act, order) from error


def _read_again(store: StoreClient, act: Act) -> Order | None:
    from packhouse.errors import StoreError

    try:
        return store.order(act.order.id)
    except StoreError:
        return None


def _unknown(error: Exception, act: Act, order: Order | None) -> CommandError:
    """Nobody knows whether it happened: say so, say what the order shows, and how to go on safely."""
    from packhouse.errors import StoreError, StoreUnanswered

    assert isinstance(error, StoreError)
    cause = str(error).split(" Its effect is not known")[0].split(" It will be tried")[0]
    if order is None:
        found = "The order could not be read again."
    else:
        found = f"Read again, order {safe(order.id)} ({safe(order.status) or 'no status'}) does not show it."
    return CommandError(
        f"Unknown outcome: {cause} {found} {_way_on(act)}",
        Exit.NETWORK if isinstance(error, StoreUnanswered) else Exit.UNKNOWN,
        "unknown_outcome",
        status=error.status,
    )


def _way_on(act: Act) -> str:
    return (
        f"Run the same line again with --idempotency-key {act.key}: "
        "under that key the store does it at most once."
    )
