"""The metrics behind /metrics. Counters grow as things happen; gauges are read from the ledger at a scrape.

Labels have only values of closed sets (a family of events, a state, a provider account of the settings, a
currency in use), never an id, so that neither a request nor a provider's answer can add a series. Every other
value counts as "other".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from packhouse.model.hold import KINDS
from packhouse.model.money import CURRENCIES, Money
from packhouse.model.poll import PollProblem
from packhouse.model.states import OrderPhase, ShipmentState
from packhouse.model.store_limit import NO_LIMIT, Limit
from packhouse.model.waiting import WaitKind
from packhouse.telemetry.series import OTHER, Counters, Histograms, States

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

# The families of events that the store sends; the body of a request must not add a series.
FAMILIES = frozenset(
    {"order", "checkout_session", "membership", "site", "product", "subscription", "unverified"}
)

# Who is called besides the provider accounts, and whose label it is that a person bought elsewhere.
_OWN_ACCOUNTS = frozenset({"store", "manual"})
_STATUSES = frozenset(str(status.value) for status in HTTPStatus)
# Names of calls and of errors, which adapters choose.
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,59}")

# The creation times of series are of no use here.
disable_created_metrics()  # type: ignore[no-untyped-call]

_STEP_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_CALL_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class LedgerCounts:
    """The counts of the ledger at one moment, by state.

    `oldest_due_s` is how long the oldest due order has waited, in seconds; 0 if none is due. `waiting` is by
    what open orders wait for, `accounts` says of each provider account whether it buys. Times are seconds
    since 1970 UTC, None if it never happened.
    """

    orders: Mapping[str, int] = field(default_factory=dict)
    shipments: Mapping[str, int] = field(default_factory=dict)
    holds: Mapping[str, int] = field(default_factory=dict)
    due: int = 0
    oldest_due_s: float = 0.0
    dead_letters: int = 0
    waiting: Mapping[str, int] = field(default_factory=dict)
    paused: bool = False
    accounts: Mapping[str, bool] = field(default_factory=dict)
    last_poll_at: float | None = None
    last_event_at: float | None = None
    poll_problems: Mapping[str, int] = field(default_factory=dict)


class Metrics:
    """All metrics of one daemon.

    `accounts` are the provider accounts of its settings; None accepts any name.
    """

    def __init__(
        self, registry: CollectorRegistry, version: str = "", *, accounts: Collection[str] | None = None
    ) -> None:
        self.registry = registry
        self._account_names = None if accounts is None else _OWN_ACCOUNTS | set(accounts)
        ProcessCollector(registry=registry)
        build = Gauge(
            "packhouse_build_info", "Always 1. The label has the version.", ["version"], registry=registry
        )
        build.labels(version).set(1)

        self._events = Counters(
            Counter(
                "packhouse_events",
                "Webhook deliveries by family and outcome.",
                ["type", "outcome"],
                registry=registry,
            )
        )
        self._cuts = Counters(
            Counter(
                "packhouse_http_connections_cut",
                "Connections that the HTTP server closed to keep its limits, by reason.",
                ["reason"],
                registry=registry,
            )
        )
        self._token_failures = Counters(
            Counter(
                "packhouse_token_failures",
                "Requests to the operator API with a wrong token, by outcome: unknown or slowed.",
                ["outcome"],
                registry=registry,
            )
        )
        self._connections = States(
            Gauge(
                "packhouse_http_connections",
                "Open connections of the HTTP server by what they wait for.",
                ["phase"],
                registry=registry,
            )
        )
        self._count_connections: Callable[[], Mapping[str, int]] = dict
        self._purchases = Counters(
            Counter(
                "packhouse_purchases",
                "Purchases of labels by provider account and outcome.",
                ["provider", "outcome"],
                registry=registry,
            )
        )
        self._spent = Counters(
            Counter(
                "packhouse_label_spend_minor",
                "Money spent on labels, in minor units.",
                ["currency"],
                registry=registry,
            )
        )
        self._restores = Counters(
            Counter(
                "packhouse_restores",
                "Restores of the ledger that were noticed, by what they were noticed.",
                ["cause"],
                registry=registry,
            )
        )
        self._parcels = Counters(
            Counter(
                "packhouse_parcel_outcomes",
                "Parcels that were delivered, came back or failed, by provider account.",
                ["provider", "outcome"],
                registry=registry,
            )
        )
        self._steps = Histograms(
            "packhouse_step_seconds",
            "Duration of a step in seconds.",
            ["step", "outcome"],
            registry=registry,
            buckets=_STEP_BUCKETS,
        )
        self._calls = Counters(
            Counter(
                "packhouse_upstream_calls",
                "Calls to the store and to provider accounts, by HTTP status or error.",
                ["upstream", "call", "outcome"],
                registry=registry,
            )
        )
        self._call_seconds = Histograms(
            "packhouse_upstream_request_duration_seconds",
            "Duration of a call to the store or to a provider account, in seconds.",
            ["upstream", "call"],
            registry=registry,
            buckets=_CALL_BUCKETS,
        )
        self._orders = States(
            Gauge("packhouse_orders", "Orders by phase.", ["phase"], registry=registry), known=OrderPhase
        )
        self._shipments = States(
            Gauge("packhouse_shipments", "Shipments by state.", ["state"], registry=registry),
            known=ShipmentState,
        )
        self._holds = States(
            Gauge("packhouse_holds", "Active holds by code.", ["code"], registry=registry), known=KINDS
        )
        self._due = Gauge("packhouse_orders_due", "Orders that are due to be processed.", registry=registry)
        self._age = Gauge(
            "packhouse_queue_age_seconds",
            "Waiting time of the oldest due order in seconds.",
            registry=registry,
        )
        self._dead_letters = Gauge(
            "packhouse_dead_letters",
            "Webhook deliveries with a valid signature and an unreadable body.",
            registry=registry,
        )
        self._waiting = States(
            Gauge(
                "packhouse_orders_waiting",
                "Open orders by what they wait for.",
                ["reason"],
                registry=registry,
            ),
            known=WaitKind,
        )
        self._paused = Gauge(
            "packhouse_paused", "1 while buying and posting are paused, else 0.", registry=registry
        )
        self._accounts = States(
            Gauge(
                "packhouse_provider_account_up",
                "1 if the provider account buys labels, 0 while it rests or refuses.",
                ["provider"],
                registry=registry,
            )
        )
        self._last_poll = Gauge(
            "packhouse_last_poll_timestamp_seconds",
            "When the store was last polled successfully; 0 if never.",
            registry=registry,
        )
        self._last_event = Gauge(
            "packhouse_last_event_timestamp_seconds",
            "When the last webhook event was received; 0 if none is kept.",
            registry=registry,
        )
        self._polls = Counters(
            Counter(
                "packhouse_polls",
                "Polls of the store's orders by kind (quick, full) and outcome.",
                ["kind", "outcome"],
                registry=registry,
            )
        )
        self._poll_rows = Counters(
            Counter(
                "packhouse_poll_rows",
                "Rows of the store's list of orders that polls read.",
                ["kind"],
                registry=registry,
            )
        )
        self._poll_problems = States(
            Gauge(
                "packhouse_poll_problems",
                "What the last polls could not follow in the store's list of orders, by problem.",
                ["problem"],
                registry=registry,
            ),
            known=PollProblem,
        )
        self._store_limit = Gauge(
            "packhouse_store_limit_calls_per_second",
            "Calls a second that the store allows, as found by its refusals; 0 if it has refused none.",
            registry=registry,
        )
        self._calls_waiting = Gauge(
            "packhouse_store_calls_waiting",
            "Calls to the store that wait for its limit.",
            registry=registry,
        )
        self._read_limit: Callable[[], Limit] = lambda: NO_LIMIT
        self._ledger_up = Gauge(
            "packhouse_ledger_up", "1 if the ledger answered at this scrape, else 0.", registry=registry
        )

    def event(self, type_family: str, outcome: str) -> None:
        """Count one webhook delivery; `type_family` is "order" or a whole type such as "order.created"."""
        self._events.add((family(type_family), outcome))

    def connection_cut(self, reason: str) -> None:
        """Count one connection that was closed; the reasons are those of `api.connections.Cut`."""
        self._cuts.add((reason,))

    def token_failure(self, outcome: str) -> None:
        """Count one request with a wrong token: unknown or slowed."""
        self._token_failures.add((outcome,))

    def watch_connections(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Read at each scrape how many connections are open, by phase."""
        self._count_connections = counts

    def watch_store_limit(self, limit: Callable[[], Limit]) -> None:
        """Read at each scrape what calls to the store wait for."""
        self._read_limit = limit

    def purchase(self, provider: str, outcome: str) -> None:
        """Count one attempt to buy a label at an account: bought, not_bought, unknown."""
        self._purchases.add((self._account(provider), outcome))

    def spent(self, money: Money) -> None:
        """Add the price of a label."""
        self._spent.add((money.currency if money.currency in CURRENCIES else OTHER,), money.minor)

    def restored(self, cause: str) -> None:
        """Count a restore of the ledger that was noticed."""
        self._restores.add((cause,))

    def parcel(self, provider: str, outcome: str) -> None:
        """Count one parcel at its end: delivered, returned or failure."""
        self._parcels.add((self._account(provider), outcome))

    def step(self, name: str, seconds: float, outcome: str) -> None:
        """Record the duration and the outcome of a step."""
        self._steps.observe((name, outcome), seconds)

    def call(self, upstream: str, call: str, outcome: str, seconds: float) -> None:
        """Record one call to the store or to a provider account; see CallObserver."""
        upstream, call = self._account(upstream), call if _WORD.fullmatch(call) else OTHER
        if outcome not in _STATUSES and not _WORD.fullmatch(outcome):
            outcome = OTHER
        self._calls.add((upstream, call, outcome))
        self._call_seconds.observe((upstream, call), seconds)

    def polled(self, kind: str, outcome: str, rows: int) -> None:
        """Count one poll, quick or full: complete, incomplete, failed; and the rows that it read."""
        self._polls.add((kind, outcome))
        self._poll_rows.add((kind,), rows)

    def _account(self, name: str) -> str:
        return name if self._account_names is None or name in self._account_names else OTHER

    def set_counts(self, counts: LedgerCounts) -> None:
        """Set the gauges to the ledger's counts; a state without a count becomes 0."""
        self._ledger_up.set(1)
        self._orders.set(counts.orders)
        self._shipments.set(counts.shipments)
        self._holds.set(counts.holds)
        self._due.set(counts.due)
        self._age.set(counts.oldest_due_s)
        self._dead_letters.set(counts.dead_letters)
        self._waiting.set(counts.waiting)
        self._paused.set(counts.paused)
        self._accounts.set({account: int(up) for account, up in counts.accounts.items()})
        self._last_poll.set(counts.last_poll_at or 0)
        self._last_event.set(counts.last_event_at or 0)
        self._poll_problems.set(counts.poll_problems)

    def ledger_is_down(self) -> None:
        """The ledger did not answer: its last counts stay, and packhouse_ledger_up becomes 0."""
        self._ledger_up.set(0)

    def render(self) -> bytes:
        """All metrics in the Prometheus text format, version 0.0.4."""
        self._connections.set(self._count_connections())
        limit = self._read_limit()
        self._store_limit.set(limit.calls_per_s)
        self._calls_waiting.set(limit.waiting)
        return generate_latest(self.registry)


def family(event_type: str) -> str:
    """The part of an event's type before its dot, or "other" for an unknown family."""
    head = event_type.partition(".")[0]
    return head if head in FAMILIES else OTHER
