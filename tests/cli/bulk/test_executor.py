"""One act: it happens once, whatever the answers, and nobody is told that it did when nobody knows."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from packhouse_cli.bulk.actions import ACTIONS
from packhouse_cli.bulk.executor import KEY_REMEMBERED_S, Hand
from packhouse_cli.bulk.plan import Act, Plan
from packhouse_cli.bulk.results import Results, State
from packhouse_cli.bulk.rows import Row
from packhouse_cli.bulk.throttled_client import TRIES, Caller, Pace
from packhouse_cli.exit_codes import CommandError, Exit
from tests.cli.bulk.counter import Counter

LOST = StoreUnanswered("No answer.")
DOWN = StoreUnavailable("Down.", status=503)


class Hurried(Pace):
    """Waits for nothing, and remembers how long it would have waited."""

    def __init__(self) -> None:
        super().__init__(0, threading.Event(), monotonic=lambda: sum(self.rested))
        self.rested: list[float] = []

    def rest(self, seconds: float) -> None:
        self.rested.append(seconds)


class Taken:
    """An order in hand; `other_label` is what the machine has bought for it already."""

    def __init__(self) -> None:
        self.was_sent, self.stays_for, self.given_back = False, "", False

    def sending(self) -> None:
        self.was_sent = True

    def stays(self, why: str) -> None:
        self.stays_for = why

    def refuse_other_labels(self, units: object, tracking: str) -> None:
        """Nothing was bought."""


class Run:
    """A plan at a store, carried out by one hand."""

    def __init__(self, folder: Path, store: Counter, plan: Plan) -> None:
        self.store, self.plan, self.path = store, plan, folder / "results"
        self.pace = Hurried()
        self.later_s = 0.0
        self.hand = Taken()
        self.busy: CommandError | None = None

    def again(self) -> list[State]:
        """Run it until now; how the acts stand."""
        results = Results(self.path, self.plan)
        caller = Caller(self.store, self.pace)  # type: ignore[arg-type]
        hand = Hand(
            caller, ACTIONS[self.plan.action], results, self.taking, now=lambda: _now() + self.later_s
        )
        try:
            hand.carry_out(self.plan.acts)
        finally:
            results.finish(self.plan)
        return [results.of(act).state for act in self.plan.acts]

    @contextmanager
    def taking(self, act: Act) -> Iterator[Taken]:
        """Take the order from a daemon that may be busy with it, and give it back."""
        if self.busy is not None:
            raise self.busy
        self.hand = Taken()
        try:
            yield self.hand
        finally:
            self.hand.given_back = not self.hand.stays_for

    def begun(self, state: State) -> None:
        """An earlier run wrote this down and was killed."""
        Results(self.path, self.plan).tell(self.plan.acts[0], state)

    @property
    def why(self) -> str:
        return str(json.loads(self.path.read_text().splitlines()[0])["why"])


def _now() -> float:
    import time

    return time.time()


Starter = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path) -> Starter:
    def begin(action: str = "fulfill", **parts: Any) -> Run:
        if action == "return":
            parts["fulfillments"] = [{"line_item_id": "li_1", "quantity": 2, "tracking_number": "T0"}]
        store = Counter("ord_1", **parts)
        rows = [Row(1, "ord_1", items=(Units("li_1", 1),), reason="Torn")] if action == "return" else []
        return Run(tmp_path, store, store.plan(*rows, action=action))

    return begin


@pytest.mark.parametrize("action", ["fulfill", "refund", "return"])
def test_an_act_is_done_once_however_often_the_plan_is_run(start: Starter, action: str) -> None:
    run = start(action)
    assert [run.again(), run.again(), run.again()] == [[State.DONE]] * 3
    assert run.store.tried == 1


@pytest.mark.parametrize("action", ["fulfill", "refund", "return"])
@pytest.mark.parametrize("error", [LOST, DOWN])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_is_found_out_about_and_nothing_happens_twice(
    start: Starter, action: str, error: StoreError, when: str
) -> None:
    run = start(action)
    run.store.mishaps = [(when, error)]
    assert run.again() == [State.RECORDED if when == "after" else State.DONE]
    assert len(run.store.sent) == 1


def test_a_refund_that_lands_late_is_asked_for_again_under_its_key_and_moves_once(start: Starter) -> None:
    run = start("refund")
    run.store.refunds_land = False
    run.store.mishaps = [("after", LOST)]
    assert run.again() == [State.DONE]
    assert (run.store.tried, len(run.store.sent)) == (2, 1)


@pytest.mark.parametrize("action", ["fulfill", "refund", "return"])
def test_a_run_killed_after_the_call_finds_it_recorded(start: Starter, action: str) -> None:
    run = start(action)
    run.again()
    run.path.unlink()
    run.begun(State.SENDING)
    assert run.again() == [State.RECORDED]
    assert run.store.tried == 1


def test_a_run_killed_before_the_call_sends_it(start: Starter) -> None:
    run = start()
    run.begun(State.SENDING)
    assert run.again() == [State.DONE]


def test_an_answer_that_never_comes_is_unknown_and_not_a_guess(start: Starter) -> None:
    run = start()
    run.store.mishaps = [("before", LOST)] * TRIES
    assert run.again() == [State.UNKNOWN]
    assert run.store.tried == TRIES
    assert run.again() == [State.DONE]


def test_an_order_that_drifted_is_not_touched(start: Starter) -> None:
    run = start()
    run.store.orders["ord_1"]["shipping_address"]["line1"] = "2 Pier"
    assert run.again() == [State.DRIFTED]
    assert run.store.tried == 0
    assert "address" in run.why


def test_a_refund_that_somebody_else_made_meanwhile_is_drift_and_after_sending_unknown(
    start: Starter,
) -> None:
    run = start("refund")
    run.store.orders["ord_1"]["refunds"] = [{"amount": 700}]
    assert run.again() == [State.DRIFTED]
    run.path.unlink()
    run.begun(State.SENDING)
    assert run.again() == [State.UNKNOWN]
    assert "0 and is 700" in run.why
    assert run.store.tried == 0


def test_where_the_record_does_not_show_it_an_old_key_is_not_trusted(start: Starter) -> None:
    run = start("refund", refunds=None)
    run.begun(State.SENDING)
    run.later_s = KEY_REMEMBERED_S + 1
    assert run.again() == [State.UNKNOWN]
    run.later_s = 0
    assert run.again() == [State.DONE]


@pytest.mark.parametrize("error", [StoreConflict("No.", status=409), StoreInvalidRequest("No.", status=400)])
def test_a_no_is_final_and_its_reason_kept(start: Starter, error: StoreError) -> None:
    run = start()
    run.store.mishaps = [("before", error)]
    assert [run.again(), run.again()] == [[State.REFUSED]] * 2
    assert run.why == "No."
    assert run.store.tried == 1


def test_a_conflict_over_what_is_recorded_is_a_success(start: Starter) -> None:
    run = start()
    run.store.mishaps = [("after", StoreConflict("Already fulfilled.", status=409))]
    assert run.again() == [State.RECORDED]


@pytest.mark.parametrize(
    "error",
    [StoreUnauthorized("No.", status=401), StoreForbidden("No scope.", status=403), StoreUnreachable("Off.")],
)
def test_what_no_order_would_survive_ends_the_run_and_the_act_is_tried_again_later(
    start: Starter, error: StoreError
) -> None:
    run = start()
    run.store.mishaps = [("before", error)] * TRIES
    with pytest.raises(type(error)):
        run.again()
    run.store.mishaps = []
    assert json.loads(run.path.read_text())["state"] == "failed"
    assert run.again() == [State.DONE]


def test_a_throttled_store_is_waited_for_as_long_as_it_says(start: Starter) -> None:
    run = start()
    run.store.mishaps = [("before", StoreThrottled("Slow down.", status=429, retry_after_s=7))] * 3
    assert run.again() == [State.DONE]
    assert sum(run.pace.rested) == pytest.approx(21)
    assert run.pace.waits == 3


def test_an_order_gone_from_the_store_is_refused(start: Starter) -> None:
    run = start()
    run.store.orders.clear()
    assert run.again() == [State.REFUSED]


def test_a_second_parcel_waits_for_the_first_and_falls_with_it(tmp_path: Path) -> None:
    store = Counter("ord_1")
    rows = (Row(1, "ord_1", "USPS", "T1", (Units("li_1", 1),)), Row(2, "ord_1", "USPS", "T2"))
    plan = store.plan(*rows)
    run = Run(tmp_path, store, plan)
    store.mishaps = [("before", LOST)] * TRIES
    assert run.again() == [State.UNKNOWN, State.NOT_BEGUN]
    assert run.again() == [State.DONE, State.DONE]
    assert sum(row["quantity"] for row in store.orders["ord_1"]["fulfillments"]) == 3

    other = Counter("ord_1")
    plan = other.plan(*rows)
    other.mishaps = [("before", StoreConflict("No.", status=409))]
    (tmp_path / "other").mkdir()
    run = Run(tmp_path / "other", other, plan)
    assert run.again() == [State.REFUSED, State.DRIFTED]
    assert other.tried == 1


def test_an_order_is_in_hand_while_it_is_done_and_given_back_after(start: Starter) -> None:
    run = start()
    seen: list[bool] = []
    run.store.before_effect = lambda _: seen.append(run.hand.was_sent and not run.hand.given_back)
    assert run.again() == [State.DONE]
    assert seen == [True]
    assert run.hand.given_back


def test_a_machine_that_has_the_order_in_work_is_waited_for_by_the_next_run(start: Starter) -> None:
    run = start()
    run.busy = CommandError("Somebody has it in hand.", Exit.CONFLICT, "conflict")
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


def test_an_order_whose_refund_is_not_confirmed_or_that_is_in_doubt_stays_in_hand(start: Starter) -> None:
    run = start("refund")
    assert run.again() == [State.DONE]
    assert "later" in run.hand.stays_for
    doubtful = start()
    doubtful.path.unlink()
    doubtful.store.mishaps = [("before", LOST)] * TRIES
    assert doubtful.again() == [State.UNKNOWN]
    assert "Nobody knows" in doubtful.hand.stays_for


def test_a_refund_of_an_order_that_has_shipped_gives_it_back_at_once(start: Starter) -> None:
    items = [{"line_item_id": "li_1", "quantity": 2}, {"line_item_id": "li_2", "quantity": 1}]
    run = start("refund", fulfillments=[row | {"tracking_number": "T0"} for row in items], status="fulfilled")
    assert run.again() == [State.DONE]
    assert run.hand.given_back


def test_a_no_to_a_refund_that_may_be_on_its_way_decides_nothing(start: Starter) -> None:
    run = start("refund")
    run.store.refunds_land = False
    run.store.mishaps = [("after", LOST), ("before", StoreConflict("In progress.", status=409))]
    assert run.again() == [State.UNKNOWN]


def test_what_is_in_doubt_stays_in_hand_though_the_last_try_never_left(start: Starter) -> None:
    run = start("refund")
    run.store.mishaps = [("before", LOST), *[("before", StoreUnreachable("Off."))] * TRIES]
    with pytest.raises(StoreUnreachable):
        run.again()
    assert "Nobody knows" in run.hand.stays_for
    run.store.unread = [StoreUnreachable("Off.")] * TRIES
    with pytest.raises(StoreUnreachable):
        run.again()
    assert "Nobody knows" in run.hand.stays_for


def test_a_refund_that_may_land_later_is_not_sent_again_after_its_keys_life(start: Starter) -> None:
    run = start("refund")
    run.begun(State.SENDING)
    for run.later_s in (KEY_REMEMBERED_S + 1, 25 * 3600.0, -3600.0):
        assert run.again() == [State.UNKNOWN]
        assert "some time ago" in run.why
    assert run.store.tried == 0


def test_a_keys_life_is_counted_from_its_first_call_however_often_it_was_sent_since(start: Starter) -> None:
    run = start("refund", refunds=None)
    run.begun(State.SENDING)
    first = json.loads(run.path.read_text())["sent_at"]
    run.store.mishaps = [("before", LOST)] * TRIES
    assert run.again() == [State.UNKNOWN]
    assert json.loads(run.path.read_text())["sent_at"] == first
    assert run.store.tried == TRIES


def test_a_call_that_no_documented_key_protects_is_not_sent_again_where_nothing_shows_it(
    start: Starter,
) -> None:
    run = start("return", returns=None)
    run.store.mishaps = [("after", LOST)]
    assert run.again() == [State.UNKNOWN]
    assert len(run.store.sent) == 1


@pytest.mark.parametrize("action", ["fulfill", "refund"])
def test_what_the_store_made_wait_is_looked_at_again_before_it_is_sent(start: Starter, action: str) -> None:
    run = start(action)
    run.store.mishaps = [("before", StoreThrottled("Slow down.", status=429, retry_after_s=3600))]

    def cancelled(_: str) -> None:
        run.store.orders["ord_1"]["status"] = "cancelled"

    run.store.before_effect = cancelled
    assert run.again() == [State.DRIFTED]
    assert run.store.tried == 1


def test_a_store_that_always_asks_for_patience_is_left_for_another_run(start: Starter) -> None:
    run = start()
    run.store.mishaps = [("before", StoreThrottled("Slow down.", status=429, retry_after_s=3600))] * 500
    assert run.again() == [State.FAILED]
    run.store.mishaps = []
    assert run.again() == [State.DONE]


def test_to_wait_no_seconds_is_no_leave_to_hammer(start: Starter) -> None:
    run = start()
    run.store.mishaps = [("before", StoreThrottled("Slow down.", status=429, retry_after_s=0))] * 12
    assert run.again() == [State.DONE]
    assert sum(run.pace.rested) > 10


@pytest.mark.parametrize(
    "error", [StoreConflict("In progress.", status=409), StoreInvalidRequest("No.", status=400)]
)
def test_an_odd_answer_to_what_is_in_doubt_decides_nothing(start: Starter, error: StoreError) -> None:
    run = start()
    run.store.mishaps = [("before", LOST), ("before", error)]
    assert run.again() == [State.UNKNOWN]
    assert run.again() == [State.DONE]
