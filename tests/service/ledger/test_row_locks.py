"""Two transactions at once on a server: what waits for the other one, what does not, what is skipped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from packhouse.config.guard import GuardSettings
from packhouse.config.sections import RetrySettings
from packhouse.ledger import crashes, guard, late_answers, leases
from packhouse.ledger.order_limits import OrderLimits
from packhouse.model.journal import Entry
from packhouse.model.money import Money
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from tests.postgres import PostgresServer
from tests.service.ledger.address import address_in
from tests.service.ledger.rows import NOW, Rows, lease_on

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)

LIMITS = OrderLimits(GuardSettings(), None, 20)
CAPS = GuardSettings(max_day_minor=10_000)


class Sessions:
    """Two sessions on one ledger, with the orders a and b, and a planned shipment of each."""

    def __init__(self, url: str) -> None:
        engine = create_engine(url, isolation_level="READ COMMITTED")
        self._engine = engine
        self.ours, self.theirs = Rows(engine.connect()), Rows(engine.connect())
        self.shipments: dict[str, Shipment] = {}
        for order_id in ("a", "b"):
            self.ours.leased(order_id, due_at=NOW)
            self.shipments[order_id] = self.ours.shipment(f"{order_id}-1", ShipmentState.PLANNED)
        self.ours.connection.commit()

    def forget(self) -> None:
        """End both sessions."""
        for rows in (self.ours, self.theirs):
            rows.connection.close()
        self._engine.dispose()

    def waits(self, unit: Callable[[], object]) -> bool:
        """Whether this unit of the other session waits for our transaction."""
        self.theirs.connection.execute(text("SET LOCAL lock_timeout = '150ms'"))
        try:
            unit()
        except OperationalError as error:
            assert "lock timeout" in str(error)
            return True
        return False

    def after_ours(self, unit: Callable[[], object]) -> object:
        """Begin this unit of the other session, commit ours once it waits; returns the result of the unit."""
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        with ThreadPoolExecutor(1) as thread:
            result = thread.submit(unit)
            until = time.monotonic() + 30
            with self._engine.connect() as watch:
                watch = watch.execution_options(isolation_level="AUTOCOMMIT")
                while time.monotonic() < until and not result.done():
                    if watch.execute(waiting).scalar_one():
                        break
                    time.sleep(0.01)
            self.ours.connection.commit()
            return result.result()

    def begin(self, rows: Rows, order_id: str, caps: GuardSettings | None) -> guard.Objection | None:
        """Write the intent to buy."""
        tx, shipment = rows.tx(lease_on(order_id)), self.shipments[order_id]
        return guard.begin_purchase(tx, caps, LIMITS, shipment, Money(700, "USD"), ())


@pytest.fixture
def two(engine: str, postgres_server: PostgresServer, tmp_path: Path) -> Iterator[Sessions]:
    sessions = Sessions(address_in(tmp_path))
    yield sessions
    sessions.forget()


@pytest.mark.parametrize("caps", [None, GuardSettings(), CAPS])
def test_a_pause_waits_for_an_intent_that_is_being_written(two: Sessions, caps: GuardSettings | None) -> None:
    two.begin(two.ours, "a", caps)
    assert two.waits(lambda: guard.pause(two.theirs.tx(), "stop"))


@pytest.mark.parametrize("caps", [None, GuardSettings(), CAPS])
def test_an_intent_that_waited_for_a_pause_is_not_written(two: Sessions, caps: GuardSettings | None) -> None:
    guard.pause(two.ours.tx(), "stop")
    found = two.after_ours(lambda: two.begin(two.theirs, "b", caps))
    assert found == guard.Objection("stop", paused=True)


def test_the_end_of_a_pause_waits_for_no_intent(two: Sessions) -> None:
    two.begin(two.ours, "a", None)
    assert not two.waits(lambda: guard.pause(two.theirs.tx(), ""))


@pytest.mark.parametrize("caps", [None, GuardSettings()])
def test_intents_that_no_cap_concerns_do_not_wait_for_each_other(
    two: Sessions, caps: GuardSettings | None
) -> None:
    two.begin(two.ours, "a", caps)
    assert not two.waits(lambda: two.begin(two.theirs, "b", caps))


def test_intents_under_a_cap_take_turns(two: Sessions) -> None:
    two.begin(two.ours, "a", CAPS)
    assert two.waits(lambda: two.begin(two.theirs, "b", CAPS))


@pytest.mark.parametrize(("order_id", "waits"), [("a", True), ("b", False)])
def test_a_locked_order_is_not_changed_until_the_end_and_others_are(
    two: Sessions, order_id: str, waits: bool
) -> None:
    leases.lock_order(two.ours.tx(), "a")
    assert two.waits(lambda: leases.revoke(two.theirs.tx(), order_id)) is waits


def test_a_late_answer_waits_for_a_change_of_its_order_before_it_reads(two: Sessions) -> None:
    leases.lock_order(two.ours.tx(), "a")
    entry = Entry("a", "void_refused")
    assert two.waits(lambda: late_answers.void_refused(two.theirs.tx(), two.shipments["a"], 1, NOW, entry))


def test_leases_that_another_replica_is_ending_are_left_to_it(two: Sessions) -> None:
    leases.lock_order(two.ours.tx(), "a")
    ended: list[str] = []

    def end() -> None:
        found = crashes.end_expired(two.theirs.tx(), "w", RetrySettings())
        ended.extend(one.order_id for one in found)

    assert not two.waits(end)
    assert ended == ["b"]
