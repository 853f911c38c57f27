"""One act: sent once, and found out in the order where no answer tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from packhouse.errors import (
    StoreConflict,
    StoreError,
    StoreNotFound,
    StoreRefused,
    StoreUnanswered,
    StoreUnauthorized,
    StoreUnavailable,
    StoreUnreachable,
    StoreUnreadable,
)
from packhouse.model.order import Fulfillment, Line, Order, RefundRecord, Units
from packhouse.store.client import StoreClient
from packhouse.store.requests import StoreRequest
from packhouse.store.responses import StoreResponse
from packhouse_cli.changes.change import Act, carry_out, fresh_key, intent_key
from packhouse_cli.changes.fulfill import fulfill_act
from packhouse_cli.changes.refund import has_landed, is_confirmed, refund_act
from packhouse_cli.changes.returns import exchange_act, return_act, step_act
from packhouse_cli.exit_codes import CommandError, Exit

ITEMS = [{"line_item_id": "li_1", "quantity": 1}]
SHIPPED = Order(
    id="ord_1",
    status="fulfilled",
    currency="USD",
    total_minor=5000,
    lines=(Line("li_1", quantity=2),),
    fulfillments=(Fulfillment("T0", "UPS", (Units("li_1", 1),)),),
    refunds=(),
    raw={"id": "ord_1", "returns": [{"id": "ret_1", "status": "requested", "items": []}], "exchanges": []},
)
UNITS = (Units("li_1", 1),)
ACTS = {
    "fulfill": fulfill_act(SHIPPED, "UPS", "T1", UNITS),
    "refund": refund_act(SHIPPED, 1500, "Late"),
    "refund all": refund_act(SHIPPED, None, ""),
    "return": return_act(SHIPPED, UNITS, "Small"),
    "exchange": exchange_act(SHIPPED, UNITS, "var_2", "Red"),
    "approve": step_act(SHIPPED, "ret_1", "approve"),
}


def raw(**changes: Any) -> dict[str, Any]:
    return {**SHIPPED.raw, **changes}


RETURN = {"id": "ret_2", "status": "requested", "items": ITEMS, "reason": "Small"}
EXCHANGE = {"id": "exc_1", "items": ITEMS, "reason": "Red", "new_variant_id": "var_2"}
AFTER = {
    "fulfill": replace(
        SHIPPED, fulfillments=(*(SHIPPED.fulfillments or ()), Fulfillment("T1", "UPS", UNITS))
    ),
    "refund": replace(SHIPPED, refunds=(RefundRecord(1500, reason="Late"),)),
    "refund all": replace(SHIPPED, status="refunded", refunds=(RefundRecord(5000),)),
    "return": replace(SHIPPED, raw=raw(returns=[*SHIPPED.raw["returns"], RETURN])),
    "exchange": replace(SHIPPED, raw=raw(exchanges=[EXCHANGE])),
    "approve": replace(SHIPPED, raw=raw(returns=[{"id": "ret_1", "status": "approved", "items": []}])),
}


class LosingStore(StoreClient):
    """A store whose answer to the act is this error, and whose order is as given afterwards."""

    def __init__(self, error: BaseException | None, after: Order | StoreError) -> None:
        super().__init__("http://store.invalid", "aly_x", timeout_s=1)
        self.sent: list[StoreRequest] = []
        self._error = error
        self._after = after

    def ask(self, request: StoreRequest) -> StoreResponse:
        self.sent.append(request)
        if self._error is not None:
            raise self._error
        return StoreResponse(202)

    def order(self, order_id: str) -> Order:
        assert order_id == "ord_1"
        if isinstance(self._after, StoreError):
            raise self._after
        return self._after


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize(
    "error", [StoreUnanswered, StoreUnavailable, StoreUnreadable, StoreConflict, StoreRefused]
)
def test_what_the_order_shows_afterwards_was_done(name: str, error: type[StoreError]) -> None:
    store = LosingStore(error("lost"), AFTER[name])
    done = carry_out(store, ACTS[name])
    assert (done.already, done.answer, done.order) == (True, None, AFTER[name])
    assert store.sent == [ACTS[name].request]


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize(
    ("error", "code"),
    [(StoreUnanswered, Exit.NETWORK), (StoreUnavailable, Exit.UNKNOWN), (StoreUnreadable, Exit.UNKNOWN)],
)
def test_what_it_does_not_show_has_an_unknown_outcome_and_a_safe_way_on(
    name: str, error: type[StoreError], code: Exit
) -> None:
    store = LosingStore(error("The store gave no whole answer."), SHIPPED)
    with pytest.raises(CommandError) as raised:
        carry_out(store, ACTS[name])
    assert (raised.value.exit_code, raised.value.code) == (code, "unknown_outcome")
    said = str(raised.value)
    assert said.startswith("Unknown outcome: The store gave no whole answer.")
    assert "order ord_1 (fulfilled) does not show it" in said
    assert f"--idempotency-key {ACTS[name].key}" in said
    assert len(store.sent) == 1


def test_an_order_that_cannot_be_read_again_is_said_so() -> None:
    store = LosingStore(StoreUnanswered("Lost."), StoreUnreachable("gone"))
    with pytest.raises(CommandError, match="could not be read again"):
        carry_out(store, ACTS["refund"])


@pytest.mark.parametrize(
    "error", [StoreConflict, StoreRefused, StoreUnauthorized, StoreNotFound, StoreUnreachable]
)
def test_a_plain_no_stays_what_it_is(error: type[StoreError]) -> None:
    said = error("No.")
    with pytest.raises(error) as raised:
        carry_out(LosingStore(said, SHIPPED), ACTS["return"])
    assert raised.value is said


@pytest.mark.parametrize("name", ACTS)
def test_what_the_order_shows_already_is_not_sent(name: str) -> None:
    after = AFTER[name]
    again: dict[str, Callable[[], Act]] = {
        "fulfill": lambda: fulfill_act(after, "UPS", "T1", UNITS),
        "refund": lambda: refund_act(after, 1500, "Late"),
        "refund all": lambda: refund_act(after, None, ""),
        "return": lambda: return_act(after, UNITS, "Small"),
        "exchange": lambda: exchange_act(after, UNITS, "var_2", "Red"),
        "approve": lambda: step_act(after, "ret_1", "approve"),
    }
    store = LosingStore(None, after)
    assert carry_out(store, again[name]()).already
    assert store.sent == []


def test_the_same_intent_has_the_same_key_and_every_part_of_it_counts() -> None:
    keys = [act.key for act in ACTS.values()]
    assert len(set(keys)) == len(keys)
    assert refund_act(SHIPPED, 1500, "Late").key == ACTS["refund"].key
    others = [
        refund_act(SHIPPED, 1501, "Late"),
        refund_act(SHIPPED, 1500, "Lost"),
        refund_act(replace(SHIPPED, id="ord_2"), 1500, "Late"),
        refund_act(SHIPPED, 1500, "Late", again=True),
        refund_act(SHIPPED, 1500, "Late", key="mine"),
    ]
    assert len({act.key for act in (ACTS["refund"], *others)}) == 6
    assert intent_key("a", 1) == intent_key("a", 1) != intent_key("a", "1")
    assert fresh_key() != fresh_key()
    assert all(key.isascii() and len(key) <= 64 for key in (fresh_key(), intent_key("x")))


def test_a_refund_record_without_reason_may_be_ours_and_one_that_failed_is_not() -> None:
    silent = replace(SHIPPED, refunds=(RefundRecord(1500),))
    failed = replace(SHIPPED, refunds=(RefundRecord(1500, reason="Late", status="failed"),))
    other = replace(SHIPPED, refunds=(RefundRecord(1500, reason="Lost"),))
    assert [refund_act(order, 1500, "Late").already for order in (silent, failed, other)] == [
        True,
        False,
        False,
    ]


ANOTHER: dict[str, Callable[[Order], Act]] = {
    "refund": lambda order: refund_act(order, 1500, "Late", again=True),
    "refund all": lambda order: refund_act(order, None, "", again=True),
    "return": lambda order: return_act(order, UNITS, "Small", again=True),
    "exchange": lambda order: exchange_act(order, UNITS, "var_2", "Red", again=True),
}


@pytest.mark.parametrize("name", ANOTHER)
def test_another_one_that_was_killed_and_is_run_again_has_the_same_key_until_the_order_shows_it(
    name: str,
) -> None:
    order = replace(SHIPPED, fulfillments=(Fulfillment("T0", "UPS", (Units("li_1", 2),)),))
    first = ANOTHER[name](order)
    assert first.key == ANOTHER[name](order).key != ACTS[name].key
    if name != "refund all":
        after = replace(order, refunds=AFTER[name].refunds, raw=AFTER[name].raw)
        assert ANOTHER[name](after).key != first.key
    silent = replace(order, refunds=None, raw={"id": "ord_1"})
    assert ANOTHER[name](silent).key != ANOTHER[name](silent).key


@pytest.mark.parametrize("name", ACTS)
def test_an_interrupted_act_says_that_nobody_knows_and_the_key_to_go_on_with(name: str) -> None:
    store = LosingStore(KeyboardInterrupt(), SHIPPED)
    with pytest.raises(CommandError) as raised:
        carry_out(store, ACTS[name])
    assert raised.value.exit_code is Exit.INTERRUPTED
    assert "is not known" in str(raised.value)
    assert f"--idempotency-key {ACTS[name].key}" in str(raised.value)


def test_a_refund_on_its_way_was_accepted_and_is_not_confirmed() -> None:
    for amount, reason in ((1500, "Late"), (None, "")):
        act = refund_act(SHIPPED, amount, reason)
        row = RefundRecord(amount or 5000, reason=reason, status="pending")
        pending = replace(SHIPPED, refunds=(row,))
        landed = replace(SHIPPED, refunds=(replace(row, status="succeeded"),))
        done = carry_out(LosingStore(StoreUnanswered("lost"), pending), act)
        assert done.already
        assert not is_confirmed(done, amount, reason)
        assert has_landed(done, landed, amount, reason)
        rerun = carry_out(LosingStore(None, pending), refund_act(pending, amount, reason))
        assert rerun.already
        assert not is_confirmed(rerun, amount, reason)
        assert has_landed(rerun, landed, amount, reason)
        assert is_confirmed(
            carry_out(LosingStore(None, landed), refund_act(landed, amount, reason)), amount, reason
        )


def test_somebody_elses_part_is_not_taken_for_all_that_was_left() -> None:
    part = replace(SHIPPED, refunds=(RefundRecord(700, reason="Torn"),))
    with pytest.raises(CommandError, match="Unknown outcome"):
        carry_out(LosingStore(StoreUnanswered("lost"), part), refund_act(SHIPPED, None, ""))


def test_a_part_that_made_the_order_refunded_leaves_the_rest() -> None:
    part = replace(SHIPPED, status="refunded", refunds=(RefundRecord(700, reason="Torn"),))
    assert refund_act(part, 4300, "Late").request.body == b'{"amount":4300,"reason":"Late"}'
    with pytest.raises(CommandError, match="left to refund"):
        refund_act(part, 4301, "Late")
    assert refund_act(replace(part, refunds=()), None, "").already


def test_all_that_is_left_is_the_stores_to_say_where_it_hides_an_amount() -> None:
    hidden = replace(SHIPPED, refunds=(RefundRecord(None, reason="Torn"),))
    assert refund_act(hidden, None, "Late").request.body == b'{"reason":"Late"}'


@pytest.mark.parametrize("row", [{"reason": None}, {}])
def test_a_return_that_tells_no_reason_may_be_ours(row: dict[str, Any]) -> None:
    silent = replace(SHIPPED, raw=raw(returns=[{"id": "ret_2", "status": "requested", "items": ITEMS} | row]))
    assert return_act(silent, UNITS, "Small").already
    other = replace(SHIPPED, raw=raw(returns=[RETURN | {"reason": "Torn"}]))
    with pytest.raises(CommandError, match="0 units that can come back"):
        return_act(other, UNITS, "Small")


def test_the_words_for_a_daemon_are_the_same_in_any_language_and_name_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = set()
    for language in ("de_DE.UTF-8", "en_US.UTF-8"):
        monkeypatch.setenv("LC_ALL", language)
        said.add(refund_act(SHIPPED, 1500, "Late").doing)
    assert len(said) == 1
    assert refund_act(SHIPPED, 1500, "Torn").doing not in said
    left = replace(SHIPPED, refunds=(RefundRecord(700, reason="Torn"),))
    assert refund_act(left, None, "x").doing == refund_act(SHIPPED, None, "x").doing
