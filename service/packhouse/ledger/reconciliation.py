"""What a reconciliation still waits for, in sentences. The worker ends it when nothing is left."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from packhouse.ledger import recalled, restores
from packhouse.ledger.restores import Restore
from packhouse.ledger.tx import Tx
from packhouse.model.journal import Entry
from packhouse.model.printable import shell_word


def open_points(connection: Connection, record: Restore, accounts: Sequence[str]) -> tuple[str, ...]:
    """Everything that does not add up yet; empty if the daemon may continue by itself.

    `accounts` are the provider accounts that can list what they sold.
    """
    points = list(restores.log_problems(connection, record))
    listed = restores.listed(connection)
    for account in accounts:
        if account not in listed:
            points.append(f"The purchases of the provider account {account} are not listed yet.")
        elif listed[account]:
            points.append(f"The purchases of {account} cannot be listed: {listed[account]}")
    if not restores.is_polled(connection, record):
        points.append("The store's list of orders is not read to its end yet.")
    left = recalled.to_compare(connection, record.noticed_at)
    if left.orders:
        named = ", ".join(left.named) + (", …" if left.orders > len(left.named) else "")
        points.append(f"{left.orders} unfinished order(s) are not compared yet: {named}.")
    points += [
        f"{one.provider} sold {one.found.get('tracking_number') or 'a label'} as {one.reference}, which "
        f"matches no shipment: see packhouse why {shell_word(one.order_id)}."
        for one in recalled.unmatched(connection)
    ]
    return tuple(points)


def end_if_complete(tx: Tx, accounts: Sequence[str]) -> bool:
    """End the reconciliation if everything adds up. Returns whether it ended."""
    record = restores.current(tx.connection)
    if record is None or open_points(tx.connection, record, accounts):
        return False
    why = "Everything adds up after the restore. Packhouse buys and posts again."
    restores.end(tx, Entry("", "reconciled", why))
    return True


def accept(tx: Tx, accounts: Sequence[str], reason: str, actor: str) -> tuple[str, ...] | None:
    """End the reconciliation on an operator's word. Returns what does not add up; None if none is active."""
    record = restores.current(tx.connection)
    since = restores.check_since(tx.connection)
    if record is None and since is None:
        return None
    silent = tuple(f"{one.sentence}." for one in restores.unasked(tx.connection))
    points = open_points(tx.connection, record, accounts) if record else silent
    recalled.accept_all(tx)
    restores.end(tx, Entry("", "reconciled", reason, actor=actor, data={"left_open": list(points)}))
    return points
