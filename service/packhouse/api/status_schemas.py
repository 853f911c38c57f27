"""The JSON of the daemon's status, and of what orders wait for. Times are seconds since 1970 UTC."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field

from packhouse.api.shape import Shape
from packhouse.model.states import OrderPhase
from packhouse.model.waiting import WaitKind
from packhouse.operations.views import StatusReport
from packhouse.operations.waiting import WaitingOrders


class WaitingBody(Shape):
    """One reason to wait. `until` is the next try, null where a person ends it; `remedy` says how."""

    kind: WaitKind
    sentence: str
    account: str
    since: float | None
    until: float | None
    remedy: str


class WaitingOrdersBody(WaitingBody):
    """One reason to wait, and the number of open orders that wait for it."""

    orders: int

    @classmethod
    def of(cls, value: object) -> Self:
        """Build it from WaitingOrders."""
        assert isinstance(value, WaitingOrders)
        return cls(**WaitingBody.of(value.waiting).model_dump(), orders=value.orders)


class PollBody(BaseModel):
    """How the store's orders are polled, and what the last polls read. Times are in seconds since 1970 UTC.

    0 means never.
    """

    ended_at: float
    full_ended_at: float
    rows: int
    full_rows: int
    interval_s: float
    full_poll_s: float
    horizon_days: float = Field(description="How far back a full poll lists orders of every status.")
    site_slug: str
    problems: list[str] = Field(description="What could not be followed, and what to do.")

    @classmethod
    def of(cls, report: StatusReport) -> Self:
        """Build it from the report."""
        return cls(
            ended_at=report.poll.ended_at,
            full_ended_at=report.poll.full_ended_at,
            rows=report.poll.rows,
            full_rows=report.poll.full_rows,
            problems=[trouble.sentence for trouble in report.poll.troubles],
            **report.polling._asdict(),
        )


class StoreLimitBody(Shape):
    """What calls to the store wait for in the replica that responds: the calls a second that the store allows
    (0: not found yet), the number of calls that wait, and the longest of these waits in seconds.
    """

    calls_per_s: float
    waiting: int
    longest_s: float


class StatusBody(BaseModel):
    """The daemon at a glance: counts by phase, state and code; money in minor units by currency."""

    version: str
    paused: bool
    paused_by: str = Field(description='Who paused it and why, "" while it is not paused.')
    paused_since: float | None
    waiting: list[WaitingOrdersBody] = Field(description="What stops work, and what open orders wait for.")
    at: float = Field(description="The time of this response on the ledger's clock.")
    last_poll_at: float | None = Field(description="The last successful poll by any replica.")
    last_event_at: float | None = Field(description="When the last webhook event was received.")
    orders: dict[str, int]
    shipments: dict[str, int]
    holds: dict[str, int]
    spent: dict[str, int]
    labels: int
    due: int
    oldest_due_s: float
    dead_letters: int
    providers: list[str]
    store: str
    store_limit: StoreLimitBody
    poll: PollBody

    @classmethod
    def of(cls, report: StatusReport) -> Self:
        """Build it from the report."""
        counts, pause = report.counts, report.conditions.pause
        return cls(
            version=report.version,
            paused=pause is not None,
            paused_by=pause.text if pause else "",
            paused_since=pause.since if pause else None,
            waiting=[WaitingOrdersBody.of(one) for one in report.waiting],
            at=report.at,
            last_poll_at=report.conditions.poll.succeeded_at,
            last_event_at=counts.last_event_at,
            orders={phase.value: counts.orders.get(phase.value, 0) for phase in OrderPhase},
            shipments=dict(counts.shipments),
            holds=dict(counts.holds),
            spent=dict(report.spent),
            labels=report.labels,
            due=counts.due,
            oldest_due_s=counts.oldest_due_s,
            dead_letters=counts.dead_letters,
            providers=list(report.providers),
            store=report.store,
            store_limit=StoreLimitBody.of(report.limit),
            poll=PollBody.of(report),
        )
