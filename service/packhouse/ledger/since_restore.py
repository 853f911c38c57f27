"""What an order is compared with after a restore or a start, in one read."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from packhouse.ledger import kv, recalled, restores
from packhouse.ledger.recalled import Recalled
from packhouse.ledger.restores import Unasked


class SinceRestore(NamedTuple):
    """What is known of the time since the backup.

    `blocks_claims`: what the ledger lost is still being collected. `listed` are purchases of the order that
    are to be matched, `unasked` the accounts that have not answered. `is_noticed`: a restore was noticed;
    `has_gap`: the guard log may lack something since the backup.
    """

    blocks_claims: bool
    listed: tuple[Recalled, ...]
    unasked: tuple[Unasked, ...]
    is_noticed: bool
    has_gap: bool


def since_restore(connection: Connection, order_id: str) -> SinceRestore:
    """What an order is compared with now."""
    found = kv.read_many(connection, restores.FLAGS)
    restore = restores.current(connection, found)
    return SinceRestore(
        restores.blocks_claims(connection, found),
        recalled.of_order(connection, order_id),
        restores.unasked(connection, found),
        restore is not None,
        restore is not None and bool(restores.log_problems(connection, restore)),
    )
