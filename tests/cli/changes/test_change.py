"""One change: it is sent once, and if the response is lost, the order shows what happened."""

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
from packhouse_cli.changes.change import Change, intent_key, random_key, send_change
from packhouse_cli.changes.fulfill import fulfill_change
from packhouse_cli.changes.refund import is_confirmed, is_settled, refund_change
from packhouse_cli.changes.returns import exchange_change, return_change, return_step_change
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
CHANGES = {
    "fulfill": fulfill_change(SHIPPED, "UPS", "T1", UNITS),
    "refund": refund_change(SHIPPED, 1500, "Late"),
    "refund all": refund_change(SHIPPED, None, ""),
    "return": return_change(SHIPPED, UNITS, "Small"),
    "exchange": exchange_change(SHIPPED, UNITS, "var_2", "Red"),
    "approve": return_step_change(SHIPPED, "ret_1", "approve"),
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
    """A store that answers the change with this error, and then shows the given order."""

    def __init__(self, error: BaseException | None, after: Order | StoreError) -> None:
        super().__init__("http://store.invalid", "aly_x", timeout_s=1)
        self.sent: list[StoreRequest] = []
        self._error = error
        self._after = after
        self.answer = StoreResponse(202)

    def ask(self, request: StoreRequest) -> StoreResponse:
        self.sent.append(request)
        if self._error is not None:
            raise self._error
        return self.answer

    def order(self, order_id: str) -> Order:
        assert order_id == "ord_1"
        if isinstance(self._after, StoreError):
            raise self._after
        return self._after


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize(
    "error", [StoreUnanswered, StoreUnavailable, StoreUnreadable, StoreConflict, StoreRefused]
)
def test_a_change_that_the_order_shows_afterwards_was_made(name: str, error: type[StoreError]) -> None:
    store = LosingStore(error("lost"), AFTER[name])
    done = send_change(store, CHANGES[name])
    assert (done.already_recorded, done.answer, done.order) == (True, None, AFTER[name])
    assert store.sent == [CHANGES[name].request]


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize(
    ("error", "code"),
    [(StoreUnanswered, Exit.NETWORK), (StoreUnavailable, Exit.UNKNOWN), (StoreUnreadable, Exit.UNKNOWN)],
)
def test_a_change_that_the_order_does_not_show_has_an_unknown_outcome_and_a_safe_retry(
    name: str, error: type[StoreError], code: Exit
) -> None:
    store = LosingStore(error("Connection lost."), SHIPPED)
    with pytest.raises(CommandError) as raised:
        send_change(store, CHANGES[name])
    assert (raised.value.exit_code, raised.value.code) == (code, "unknown_outcome")
    said = str(raised.value)
    assert said.startswith("Unknown outcome: Connection lost.")
    assert "Order ord_1 (fulfilled), read again, does not show the change" in said
    assert f"--idempotency-key {CHANGES[name].key}" in said
    assert len(store.sent) == 1


@pytest.mark.parametrize("after", [SHIPPED, StoreUnreachable("gone")])
def test_a_fulfillment_that_neither_the_answer_nor_the_order_shows_has_an_unknown_outcome(
    after: Order | StoreError,
) -> None:
    with pytest.raises(CommandError, match="The store answered 202 and did not show the change"):
        send_change(LosingStore(None, after), CHANGES["fulfill"])


def test_a_fulfillment_counts_that_the_answer_shows_or_the_order_or_neither_can_show() -> None:
    silent = LosingStore(None, AFTER["fulfill"])
    assert send_change(silent, CHANGES["fulfill"]).answer == StoreResponse(202)
    showing = LosingStore(None, StoreUnreachable("gone"))
    showing.answer = StoreResponse(200, body=b'{"tracking_number": "T1"}')
    assert send_change(showing, CHANGES["fulfill"]).answer == showing.answer
    unlisted = replace(SHIPPED, fulfillments=None)
    assert send_change(LosingStore(None, unlisted), CHANGES["fulfill"]).answer == StoreResponse(202)


@pytest.mark.parametrize("name", [one for one in CHANGES if one != "fulfill"])
def test_a_change_that_the_store_completes_later_is_accepted_by_an_empty_answer(name: str) -> None:
    assert send_change(LosingStore(None, StoreUnreachable("gone")), CHANGES[name]).answer is not None


def test_an_order_that_cannot_be_read_again_is_reported() -> None:
    store = LosingStore(StoreUnanswered("Lost."), StoreUnreachable("gone"))
    with pytest.raises(CommandError, match="could not be read again"):
        send_change(store, CHANGES["refund"])


@pytest.mark.parametrize(
    "error", [StoreConflict, StoreRefused, StoreUnauthorized, StoreNotFound, StoreUnreachable]
)
def test_a_refusal_is_raised_unchanged(error: type[StoreError]) -> None:
    said = error("No.")
    with pytest.raises(error) as raised:
        send_change(LosingStore(said, SHIPPED), CHANGES["return"])
    assert raised.value is said


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_the_order_already_shows_is_not_sent(name: str) -> None:
    after = AFTER[name]
    again: dict[str, Callable[[], Change]] = {
        "fulfill": lambda: fulfill_change(after, "UPS", "T1", UNITS),
        "refund": lambda: refund_change(after, 1500, "Late"),
        "refund all": lambda: refund_change(after, None, ""),
        "return": lambda: return_change(after, UNITS, "Small"),
        "exchange": lambda: exchange_change(after, UNITS, "var_2", "Red"),
        "approve": lambda: return_step_change(after, "ret_1", "approve"),
    }
    store = LosingStore(None, after)
    assert send_change(store, again[name]()).already_recorded
    assert store.sent == []


def test_equal_intents_have_equal_keys_and_every_part_counts() -> None:
    keys = [change.key for change in CHANGES.values()]
    assert len(set(keys)) == len(keys)
    assert refund_change(SHIPPED, 1500, "Late").key == CHANGES["refund"].key
    others = [
        refund_change(SHIPPED, 1501, "Late"),
        refund_change(SHIPPED, 1500, "Lost"),
        refund_change(replace(SHIPPED, id="ord_2"), 1500, "Late"),
        refund_change(SHIPPED, 1500, "Late", again=True),
        refund_change(SHIPPED, 1500, "Late", key="mine"),
    ]
    assert len({change.key for change in (CHANGES["refund"], *others)}) == 6
    assert intent_key("a", 1) == intent_key("a", 1) != intent_key("a", "1")
    assert random_key() != random_key()
    assert all(key.isascii() and len(key) <= 64 for key in (random_key(), intent_key("x")))


def test_a_refund_without_a_reason_may_be_ours_and_a_failed_one_is_not() -> None:
    silent = replace(SHIPPED, refunds=(RefundRecord(1500),))
    failed = replace(SHIPPED, refunds=(RefundRecord(1500, reason="Late", status="failed"),))
    other = replace(SHIPPED, refunds=(RefundRecord(1500, reason="Lost"),))
    assert [refund_change(order, 1500, "Late").already_recorded for order in (silent, failed, other)] == [
        True,
        False,
        False,
    ]


ANOTHER: dict[str, Callable[[Order], Change]] = {
    "refund": lambda order: refund_change(order, 1500, "Late", again=True),
    "refund all": lambda order: refund_change(order, None, "", again=True),
    "return": lambda order: return_change(order, UNITS, "Small", again=True),
    "exchange": lambda order: exchange_change(order, UNITS, "var_2", "Red", again=True),
}


@pytest.mark.parametrize("name", ANOTHER)
def test_a_repeat_keeps_its_key_until_the_order_shows_it(
    name: str,
) -> None:
    order = replace(SHIPPED, fulfillments=(Fulfillment("T0", "UPS", (Units("li_1", 2),)),))
    first = ANOTHER[name](order)
    assert first.key == ANOTHER[name](order).key != CHANGES[name].key
    if name != "refund all":
        after = replace(order, refunds=AFTER[name].refunds, raw=AFTER[name].raw)
        assert ANOTHER[name](after).key != first.key
    silent = replace(order, refunds=None, raw={"id": "ord_1"})
    assert ANOTHER[name](silent).key != ANOTHER[name](silent).key


@pytest.mark.parametrize("name", CHANGES)
def test_an_interrupted_change_reports_an_unknown_outcome_and_the_key_for_a_retry(name: str) -> None:
    store = LosingStore(KeyboardInterrupt(), SHIPPED)
    with pytest.raises(CommandError) as raised:
        send_change(store, CHANGES[name])
    assert raised.value.exit_code is Exit.INTERRUPTED
    assert "does not know whether" in str(raised.value)
    assert f"--idempotency-key {CHANGES[name].key}" in str(raised.value)


def test_a_pending_refund_is_accepted_and_not_confirmed() -> None:
    for amount, reason in ((1500, "Late"), (None, "")):
        change = refund_change(SHIPPED, amount, reason)
        row = RefundRecord(amount or 5000, reason=reason, status="pending")
        pending = replace(SHIPPED, refunds=(row,))
        settled = replace(SHIPPED, refunds=(replace(row, status="succeeded"),))
        done = send_change(LosingStore(StoreUnanswered("lost"), pending), change)
        assert done.already_recorded
        assert not is_confirmed(done, amount, reason)
        assert is_settled(done, settled, amount, reason)
        rerun = send_change(LosingStore(None, pending), refund_change(pending, amount, reason))
        assert rerun.already_recorded
        assert not is_confirmed(rerun, amount, reason)
        assert is_settled(rerun, settled, amount, reason)
        assert is_confirmed(
            send_change(LosingStore(None, settled), refund_change(settled, amount, reason)), amount, reason
        )


def test_a_partial_refund_by_another_client_does_not_count_as_the_remaining_amount() -> None:
    part = replace(SHIPPED, refunds=(RefundRecord(700, reason="Torn"),))
    with pytest.raises(CommandError, match="Unknown outcome"):
        send_change(LosingStore(StoreUnanswered("lost"), part), refund_change(SHIPPED, None, ""))


def test_after_a_partial_refund_that_set_the_status_the_rest_can_be_refunded() -> None:
    part = replace(SHIPPED, status="refunded", refunds=(RefundRecord(700, reason="Torn"),))
    assert refund_change(part, 4300, "Late").request.body == b'{"amount":4300,"reason":"Late"}'
    with pytest.raises(CommandError, match="left to refund"):
        refund_change(part, 4301, "Late")
    assert refund_change(replace(part, refunds=()), None, "").already_recorded


def test_if_the_store_hides_an_amount_it_computes_the_remaining_amount() -> None:
    hidden = replace(SHIPPED, refunds=(RefundRecord(None, reason="Torn"),))
    assert refund_change(hidden, None, "Late").request.body == b'{"reason":"Late"}'


@pytest.mark.parametrize("row", [{"reason": None}, {}])
def test_a_return_without_a_reason_may_be_ours(row: dict[str, Any]) -> None:
    silent = replace(SHIPPED, raw=raw(returns=[{"id": "ret_2", "status": "requested", "items": ITEMS} | row]))
    assert return_change(silent, UNITS, "Small").already_recorded
    other = replace(SHIPPED, raw=raw(returns=[RETURN | {"reason": "Torn"}]))
    with pytest.raises(CommandError, match="0 units that can be returned"):
        return_change(other, UNITS, "Small")


def test_the_label_is_the_same_in_every_language_and_names_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels = set()
    for language in ("de_DE.UTF-8", "en_US.UTF-8"):
        monkeypatch.setenv("LC_ALL", language)
        labels.add(refund_change(SHIPPED, 1500, "Late").label)
    assert len(labels) == 1
    assert refund_change(SHIPPED, 1500, "Torn").label not in labels
    left = replace(SHIPPED, refunds=(RefundRecord(700, reason="Torn"),))
    assert refund_change(left, None, "x").label == refund_change(SHIPPED, None, "x").label
