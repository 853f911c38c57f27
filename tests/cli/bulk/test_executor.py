"""One plan item: the change happens at most once, and success is reported only if it is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from packhouse.errors import (
    StoreConflict,
    StoreError,
    StoreForbidden,
    StoreInvalidRequest,
    StoreThrottled,
    StoreUnanswered,
    StoreUnauthorized,
    StoreUnavailable,
    StoreUnreachable,
)
from packhouse.model.order import Units
from packhouse_cli.bulk.executor import KEY_REMEMBERED_S
from packhouse_cli.bulk.results import State
from packhouse_cli.bulk.rows import Row
from packhouse_cli.bulk.throttled_client import MAX_TRIES
from packhouse_cli.exit_codes import CommandError, Exit
from tests.cli.bulk.memory_store import MemoryStore
from tests.cli.bulk.plan_run import Run

LOST = StoreUnanswered("No answer.")
DOWN = StoreUnavailable("Down.", status=503)

Starter = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path) -> Starter:
    def begin(action: str = "fulfill", **parts: Any) -> Run:
        if action == "return":
            parts["fulfillments"] = [{"line_item_id": "li_1", "quantity": 2, "tracking_number": "T0"}]
        store = MemoryStore("ord_1", **parts)
        rows = [Row(1, "ord_1", items=(Units("li_1", 1),), reason="Torn")] if action == "return" else []
        return Run(tmp_path, store, store.plan(*rows, action=action))

    return begin


@pytest.mark.parametrize("action", ["fulfill", "refund", "return"])
def test_an_item_is_sent_once_no_matter_how_often_the_plan_is_applied(start: Starter, action: str) -> None:
    run = start(action)
    assert [run.again(), run.again(), run.again()] == [[State.DONE]] * 3
    assert run.store.tried == 1


@pytest.mark.parametrize("action", ["fulfill", "refund", "return"])
@pytest.mark.parametrize("error", [LOST, DOWN])
@pytest.mark.parametrize("when", ["before", "after"])
def test_after_a_lost_response_the_order_is_read_and_nothing_happens_twice(
    start: Starter, action: str, error: StoreError, when: str
) -> None:
    run = start(action)
    run.store.mishaps = [(when, error)]
    assert run.again() == [State.RECORDED if when == "after" else State.DONE]
    assert len(run.store.sent) == 1


@pytest.mark.parametrize("forgets", [True, False])
def test_an_answer_that_shows_no_fulfillment_counts_only_if_the_order_shows_it(
    start: Starter, forgets: bool
) -> None:
    run = start()
    run.store.is_silent, run.store.forgets = True, forgets
    assert run.again() == [State.UNKNOWN if forgets else State.DONE]
    assert run.store.tried == (MAX_TRIES if forgets else 1)


def test_a_refund_that_completes_late_is_sent_again_under_its_key_and_happens_once(start: Starter) -> None:
    run = start("refund")
    run.store.refunds_land = False
    run.store.mishaps = [("after", LOST)]
    assert run.again() == [State.DONE]
    assert (run.store.tried, len(run.store.sent)) == (2, 1)


@pytest.mark.parametrize("action", ["fulfill", "refund", "return"])
def test_after_a_kill_behind_the_request_the_next_run_finds_the_change_recorded(
    start: Starter, action: str
) -> None:
    run = start(action)
    run.again()
    run.path.unlink()
    run.begun(State.SENDING)
    assert run.again() == [State.RECORDED]
    assert run.store.tried == 1


def test_after_a_kill_before_the_request_the_next_run_sends_it(start: Starter) -> None:
    run = start()
    run.begun(State.SENDING)
    assert run.again() == [State.DONE]


def test_without_any_response_the_outcome_is_unknown(start: Starter) -> None:
    run = start()
    run.store.mishaps = [("before", LOST)] * MAX_TRIES
    assert run.again() == [State.UNKNOWN]
    assert run.store.tried == MAX_TRIES
    assert run.again() == [State.DONE]


def test_an_order_that_changed_since_the_plan_is_stale_and_not_changed(start: Starter) -> None:
    run = start()
    run.store.orders["ord_1"]["shipping_address"]["line1"] = "2 Pier"
    assert run.again() == [State.STALE]
    assert run.store.tried == 0
    assert "address" in run.reason


def test_a_refund_by_another_client_makes_the_item_stale_and_after_sending_unknown(
    start: Starter,
) -> None:
    run = start("refund")
    run.store.orders["ord_1"]["refunds"] = [{"amount": 700}]
    assert run.again() == [State.STALE]
    run.path.unlink()
    run.begun(State.SENDING)
    assert run.again() == [State.UNKNOWN]
    assert "0 and is now 700" in run.reason
    assert run.store.tried == 0


def test_if_the_order_cannot_show_the_change_an_old_key_is_not_trusted(start: Starter) -> None:
    run = start("refund", refunds=None)
    run.begun(State.SENDING)
    run.later_s = KEY_REMEMBERED_S + 1
    assert run.again() == [State.UNKNOWN]
    run.later_s = 0
    assert run.again() == [State.DONE]


@pytest.mark.parametrize("error", [StoreConflict("No.", status=409), StoreInvalidRequest("No.", status=400)])
def test_a_refusal_is_final_and_its_reason_is_kept(start: Starter, error: StoreError) -> None:
    run = start()
    run.store.mishaps = [("before", error)]
    assert [run.again(), run.again()] == [[State.REFUSED]] * 2
    assert run.reason == "No."
    assert run.store.tried == 1


def test_a_conflict_about_a_recorded_change_is_a_success(start: Starter) -> None:
    run = start()
    run.store.mishaps = [("after", StoreConflict("Already fulfilled.", status=409))]
    assert run.again() == [State.RECORDED]


@pytest.mark.parametrize(
    "error",
    [StoreUnauthorized("No.", status=401), StoreForbidden("No scope.", status=403), StoreUnreachable("Off.")],
)
def test_an_error_that_affects_every_order_ends_the_run_and_a_later_run_tries_again(
    start: Starter, error: StoreError
) -> None:
    run = start()
    run.store.mishaps = [("before", error)] * MAX_TRIES
    with pytest.raises(type(error)):
        run.again()
    run.store.mishaps = []
    assert json.loads(run.path.read_text())["state"] == "failed"
    assert run.again() == [State.DONE]


def test_after_a_429_the_client_waits_as_long_as_the_store_asks(start: Starter) -> None:
    run = start()
    run.store.mishaps = [("before", StoreThrottled("Slow down.", status=429, retry_after_s=7))] * 3
    assert run.again() == [State.DONE]
    assert [seconds for seconds in run.limiter.waited if seconds > 1] == pytest.approx([7, 7, 7])
    assert run.limiter.throttled == 3


def test_an_order_gone_from_the_store_is_refused(start: Starter) -> None:
    run = start()
    run.store.orders.clear()
    assert run.again() == [State.REFUSED]


def test_a_second_parcel_waits_for_the_first_and_is_stale_if_the_first_is_refused(tmp_path: Path) -> None:
    store = MemoryStore("ord_1")
    rows = (Row(1, "ord_1", "USPS", "T1", (Units("li_1", 1),)), Row(2, "ord_1", "USPS", "T2"))
    plan = store.plan(*rows)
    run = Run(tmp_path, store, plan)
    store.mishaps = [("before", LOST)] * MAX_TRIES
    assert run.again() == [State.UNKNOWN, State.NOT_STARTED]
    assert run.again() == [State.DONE, State.DONE]
    assert sum(row["quantity"] for row in store.orders["ord_1"]["fulfillments"]) == 3

    other = MemoryStore("ord_1")
    plan = other.plan(*rows)
    other.mishaps = [("before", StoreConflict("No.", status=409))]
    (tmp_path / "other").mkdir()
    run = Run(tmp_path / "other", other, plan)
    assert run.again() == [State.REFUSED, State.STALE]
    assert other.tried == 1


def test_an_order_is_taken_over_during_the_change_and_released_afterwards(start: Starter) -> None:
    run = start()
    seen: list[bool] = []
    run.store.before_effect = lambda _: seen.append(run.takeover.was_sent and not run.takeover.released)
    assert run.again() == [State.DONE]
    assert seen == [True]
    assert run.takeover.released


def test_an_order_that_the_daemon_is_working_on_is_left_to_the_next_run(start: Starter) -> None:
    run = start()
    run.busy = CommandError("The order is taken over.", Exit.CONFLICT, "conflict")
    assert run.again() == [State.FAILED]
    assert run.store.tried == 0
    run.busy = None
    assert run.again() == [State.DONE]


def test_a_daemon_that_does_not_answer_ends_the_run_before_anything_is_sent(start: Starter) -> None:
    run = start()
    run.busy = CommandError("No daemon answers.", Exit.NETWORK, "network")
    with pytest.raises(CommandError):
        run.again()
    assert run.store.tried == 0


def test_an_order_with_a_pending_refund_or_an_unknown_outcome_stays_taken_over(start: Starter) -> None:
    run = start("refund")
    assert run.again() == [State.DONE]
    assert "later" in run.takeover.stays_for
    uncertain = start()
    uncertain.path.unlink()
    uncertain.store.mishaps = [("before", LOST)] * MAX_TRIES
    assert uncertain.again() == [State.UNKNOWN]
    assert "It is unknown" in uncertain.takeover.stays_for


def test_after_a_refund_of_a_shipped_order_it_is_released_at_once(start: Starter) -> None:
    items = [{"line_item_id": "li_1", "quantity": 2}, {"line_item_id": "li_2", "quantity": 1}]
    run = start("refund", fulfillments=[row | {"tracking_number": "T0"} for row in items], status="fulfilled")
    assert run.again() == [State.DONE]
    assert run.takeover.released


def test_a_refusal_of_a_refund_that_may_be_pending_is_unknown(start: Starter) -> None:
    run = start("refund")
    run.store.refunds_land = False
    run.store.mishaps = [("after", LOST), ("before", StoreConflict("In progress.", status=409))]
    assert run.again() == [State.UNKNOWN]


def test_an_unknown_outcome_keeps_the_order_taken_over_even_if_the_last_try_was_never_sent(
    start: Starter,
) -> None:
    run = start("refund")
    run.store.mishaps = [("before", LOST), *[("before", StoreUnreachable("Off."))] * MAX_TRIES]
    with pytest.raises(StoreUnreachable):
        run.again()
    assert "It is unknown" in run.takeover.stays_for
    run.store.unread = [StoreUnreachable("Off.")] * MAX_TRIES
    with pytest.raises(StoreUnreachable):
        run.again()
    assert "It is unknown" in run.takeover.stays_for


def test_a_refund_that_may_complete_later_is_not_sent_again_after_its_key_expires(start: Starter) -> None:
    run = start("refund")
    run.begun(State.SENDING)
    for run.later_s in (KEY_REMEMBERED_S + 1, 25 * 3600.0, -3600.0):
        assert run.again() == [State.UNKNOWN]
        assert "some time ago" in run.reason
    assert run.store.tried == 0


def test_the_life_of_a_key_starts_with_its_first_request(start: Starter) -> None:
    run = start("refund", refunds=None)
    run.begun(State.SENDING)
    first = json.loads(run.path.read_text())["sent_at"]
    run.store.mishaps = [("before", LOST)] * MAX_TRIES
    assert run.again() == [State.UNKNOWN]
    assert json.loads(run.path.read_text())["sent_at"] == first
    assert run.store.tried == MAX_TRIES


def test_a_request_without_a_documented_key_is_not_sent_again_if_the_order_cannot_show_it(
    start: Starter,
) -> None:
    run = start("return", returns=None)
    run.store.mishaps = [("after", LOST)]
    assert run.again() == [State.UNKNOWN]
    assert len(run.store.sent) == 1


@pytest.mark.parametrize("action", ["fulfill", "refund"])
def test_after_a_long_wait_the_order_is_read_again_before_the_change_is_sent(
    start: Starter, action: str
) -> None:
    run = start(action)
    run.store.mishaps = [("before", StoreThrottled("Slow down.", status=429, retry_after_s=3600))]

    def cancelled(_: str) -> None:
        run.store.orders["ord_1"]["status"] = "cancelled"

    run.store.before_effect = cancelled
    assert run.again() == [State.STALE]
    assert run.store.tried == 1


def test_a_store_that_always_throttles_is_left_to_the_next_run(start: Starter) -> None:
    run = start()
    run.store.mishaps = [("before", StoreThrottled("Slow down.", status=429, retry_after_s=3600))] * 500
    assert run.again() == [State.FAILED]
    run.store.mishaps = []
    assert run.again() == [State.DONE]


def test_a_retry_after_of_zero_seconds_causes_no_busy_loop(start: Starter) -> None:
    run = start()
    run.store.mishaps = [("before", StoreThrottled("Slow down.", status=429, retry_after_s=0))] * 12
    assert run.again() == [State.DONE]
    assert sum(run.limiter.waited) > 10


@pytest.mark.parametrize(
    "error", [StoreConflict("In progress.", status=409), StoreInvalidRequest("No.", status=400)]
)
def test_a_refusal_after_a_lost_response_is_unknown(start: Starter, error: StoreError) -> None:
    run = start()
    run.store.mishaps = [("before", LOST), ("before", error)]
    assert run.again() == [State.UNKNOWN]
    assert run.again() == [State.DONE]
