"""What people see and do: the queries and operations behind the operator API, grouped by subject."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from packhouse.clock import Clock
from packhouse.config.settings import Settings
from packhouse.ledger.documents import Documents
from packhouse.ledger.port import Ledger
from packhouse.model.account import AccountState
from packhouse.model.store_limit import NO_LIMIT, Limit
from packhouse.operations.daemon_operations import DaemonOperations
from packhouse.operations.event_operations import EventOperations
from packhouse.operations.order_operations import OrderOperations
from packhouse.operations.queries import Queries
from packhouse.operations.reconciliation_operations import ReconciliationOperations
from packhouse.operations.shipment_operations import ShipmentOperations


@dataclass(frozen=True, slots=True)
class Operations:
    """All queries and operations of one daemon.

    Each raises LedgerUnavailable when the ledger cannot be used now, and RecordNotFound for an id that the
    ledger does not have. An operation raises OperationRefused where the present state does not allow it.
    """

    queries: Queries
    orders: OrderOperations
    shipments: ShipmentOperations
    events: EventOperations
    daemon: DaemonOperations
    reconciliation: ReconciliationOperations

    @classmethod
    def build(
        cls,
        ledger: Ledger,
        documents: Documents,
        clock: Clock,
        settings: Settings,
        wake: Callable[[], None],
        accounts: Callable[[], Sequence[AccountState]] = tuple,
        listing: Sequence[str] = (),
        limit: Callable[[], Limit] = lambda: NO_LIMIT,
    ) -> Self:
        """Build them on one ledger. `wake` makes the workers look for due orders at once; `accounts` returns
        the provider accounts that buy nothing now; `listing` are the accounts that list their purchases;
        `limit` returns what calls to the store wait for.
        """
        queries = Queries(ledger, documents, clock, settings, accounts, limit)
        return cls(
            queries=queries,
            orders=OrderOperations(ledger, clock, settings, queries, wake),
            shipments=ShipmentOperations(ledger, clock, settings, queries, wake),
            events=EventOperations(ledger, clock, wake),
            daemon=DaemonOperations(ledger, clock, settings, queries, wake),
            reconciliation=ReconciliationOperations(ledger, clock, listing, wake),
        )
