"""The guard: caps to the cent and to the second, the pause, and what is written where nothing objects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.config.guard import GuardSettings
from packhouse.errors import LeaseLost
from packhouse.ledger import guard, restores
from packhouse.ledger.order_limits import OrderLimits
from packhouse.ledger.shipment_rows import rate_to_json
from packhouse.ledger.tables import orders
from packhouse.model.hold import HoldCode
from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.model.states import ShipmentState
from tests.service.ledger.rows import NOW, Rows, entries, lease_on

S = ShipmentState
DAY_S = 24 * 3600.0
PRICE = Money(700, "USD")
LIMITS = OrderLimits(GuardSettings(), Money(100_000, "USD"), 20)


def check(rows: Rows, caps: dict[str, Any], price: Money | None = PRICE) -> str:
    """What caps say to a label for shipment ord-9 of the site "here"."""
    rows.order("ord", site_slug="here")
    shipment = rows.shipment("ord-9", S.PLANNED)
    return guard.check_caps(rows.connection, NOW, GuardSettings(**caps), shipment, price)


CAPS = ["max_label_minor", "max_order_minor", "max_day_minor", "max_site_day_minor"]


@pytest.mark.parametrize("cap", CAPS)
@pytest.mark.parametrize(("minor", "is_over"), [(700, False), (699, True), (0, True)])
def test_a_label_may_use_a_cap_up_and_not_exceed_it(rows: Rows, cap: str, minor: int, is_over: bool) -> None:
    why = check(rows, {cap: minor})
    assert bool(why) == is_over
    if is_over:
        assert "7.00 USD" in why
        assert str(Money(minor, "USD")) in why


def test_without_caps_any_price_passes_even_an_unknown_one(rows: Rows) -> None:
    shipment = rows.shipment("ord-9", S.PLANNED)
    for price in (None, Money(10**9, "USD"), Money(1, "EUR")):
        assert guard.check_caps(rows.connection, NOW, GuardSettings(), shipment, price) == ""


@pytest.mark.parametrize("cap", CAPS)
def test_with_any_cap_a_price_must_be_known(rows: Rows, cap: str) -> None:
    assert check(rows, {cap: 10**9}, None) == "Its price is not known before the purchase."


@pytest.mark.parametrize("cap", CAPS)
def test_with_any_cap_a_price_must_be_in_its_currency(rows: Rows, cap: str) -> None:
    """Whatever the amount."""
    assert check(rows, {cap: 1, "currency": "EUR"}) == "It costs 7.00 USD, and the caps are in EUR."


@pytest.mark.parametrize(
    ("cap", "counted", "what"),
    [
        ("max_order_minor", 1 + 30 + 8000, "the labels of this order"),
        ("max_day_minor", 1 + 500 + 60_000 + 8000 + 90_000, "all labels of 24 hours"),
        ("max_site_day_minor", 1 + 500 + 8000, "this site's labels of 24 hours"),
    ],
)
def test_each_cap_adds_up_its_own_labels_and_unfinished_purchases(
    rows: Rows, cap: str, counted: int, what: str
) -> None:
    """By order, by time and by site; an unfinished purchase has no time yet, so it is of today."""
    for order_id, site in (("far", "there"), ("ord", "here"), ("sibling", "here")):
        rows.order(order_id, site_slug=site)
    today, yesterday = NOW - DAY_S + 1, NOW - DAY_S
    rows.labeled("ord-1", cost=Money(1, "USD"), bought_at=today)
    rows.labeled("ord-2", cost=Money(30, "USD"), bought_at=yesterday)
    rows.labeled("sibling-1", cost=Money(500, "USD"), bought_at=today)
    rows.labeled("far-1", cost=Money(60_000, "USD"), bought_at=today)
    rows.labeled("far-2", cost=Money(700_000, "USD"), bought_at=yesterday)
    for shipment_id, minor in (("ord-3", 8000), ("far-3", 90_000)):
        rate = rate_to_json(Rate("r", "USPS", "Priority", Money(minor, "USD")))
        rows.shipment(shipment_id, S.BUYING, rate=rate)
    shipment = rows.shipment("ord-9", S.PLANNED)

    def why(room: int) -> str:
        caps = GuardSettings.model_validate({cap: counted + room})
        return guard.check_caps(rows.connection, NOW, caps, shipment, PRICE)

    assert why(700) == ""
    total, most = Money(counted + 700, "USD"), Money(counted + 699, "USD")
    assert why(699) == f"With it {what} would cost {total}; the cap is {most}."


def test_a_purchase_that_is_tried_again_does_not_count_against_itself(rows: Rows) -> None:
    rate = rate_to_json(Rate("r", "USPS", "Priority", PRICE))
    shipment = rows.shipment("ord-1", S.UNKNOWN, rate=rate)
    caps = GuardSettings(max_order_minor=700, max_day_minor=700, max_site_day_minor=700)
    assert guard.check_caps(rows.connection, NOW, caps, shipment, PRICE) == ""


def begin(
    rows: Rows,
    caps: GuardSettings | None = None,
    limits: OrderLimits = LIMITS,
    price: Money | None = PRICE,
) -> guard.Objection | None:
    """Ask the guard for the purchase of shipment ord-1."""
    tx = rows.leased("ord")
    shipment = rows.shipment("ord-1", S.PLANNED)
    return guard.begin_purchase(tx, caps, limits, shipment, price, entries("buying"), intent_at=NOW)


@pytest.mark.parametrize("caps", [None, GuardSettings(), GuardSettings(max_day_minor=700)])
def test_an_intent_is_written_where_nothing_objects(rows: Rows, caps: GuardSettings | None) -> None:
    assert begin(rows, caps) is None
    shipment = rows.read("ord-1")
    assert (shipment.state, shipment.intent_at) == (S.BUYING, NOW)
    assert rows.journal() == [("buying", "ord")]


@pytest.mark.parametrize(
    ("caps", "limits", "code", "why"),
    [
        (GuardSettings(max_day_minor=699), LIMITS, HoldCode.CAP_REACHED, "all labels of 24 hours"),
        (None, replace(LIMITS, most_labels=0), HoldCode.CAP_REACHED, "guard.max_parcels"),
        (GuardSettings(), replace(LIMITS, most_labels=0), HoldCode.CAP_REACHED, "guard.max_parcels"),
        (
            GuardSettings(max_day_minor=699),
            replace(LIMITS, most_labels=0),
            HoldCode.CAP_REACHED,
            "all labels of 24 hours",
        ),
        (
            None,
            OrderLimits(GuardSettings(total_exempt_minor=0), Money(1, "USD"), 20),
            HoldCode.LABELS_EXCEED_TOTAL,
            "guard.max_total_percent",
        ),
    ],
)
def test_where_the_guard_objects_nothing_is_written(
    rows: Rows, caps: GuardSettings | None, limits: OrderLimits, code: HoldCode, why: str
) -> None:
    found = begin(rows, caps, limits)
    assert found is not None
    assert (found.code, found.paused) == (code, False)
    assert why in found.why
    assert rows.states() == {"ord-1": "planned"}
    assert (rows.facts(), rows.journal()) == ([], [])


@pytest.mark.parametrize("caps", [None, GuardSettings(max_day_minor=1)])
def test_while_buying_is_paused_no_intent_is_written(rows: Rows, caps: GuardSettings | None) -> None:
    guard.pause(rows.tx(), "stop")
    rows.facts()
    assert begin(rows, caps) == guard.Objection("stop", paused=True)
    assert rows.states() == {"ord-1": "planned"}


def test_the_pause_is_recorded_with_its_time_and_noted(rows: Rows) -> None:
    assert guard.paused(rows.connection) == ""
    assert guard.pause_record(rows.connection) is None
    guard.pause(rows.tx(), "stop")
    assert guard.paused(rows.connection) == "stop"
    assert guard.pause_record(rows.connection) == ("stop", NOW)
    assert rows.facts() == [("pause", {"why": "stop", "at": NOW})]


def test_the_end_of_a_pause_makes_waiting_orders_due(rows: Rows) -> None:
    rows.order("ord", due_at=NOW + 500)
    guard.pause(rows.tx(), "stop")
    assert rows.column(orders.c.due_at) == {"ord": NOW + 500}
    guard.pause(rows.tx(now=NOW + 5), "")
    assert guard.paused(rows.connection) == ""
    assert guard.pause_record(rows.connection) is None
    assert rows.column(orders.c.due_at) == {"ord": NOW + 5}
    assert rows.facts()[-1] == ("pause", {"why": "", "at": NOW + 5})


def test_a_ledger_that_is_compared_after_a_restore_is_paused_and_says_so_first(rows: Rows) -> None:
    guard.pause(rows.tx(), "stop")
    restores.notice(rows.tx(), restores.Cause.GUARD_LOG)
    assert guard.paused(rows.connection).startswith("the ledger was restored")
    guard.pause(rows.tx(), "")
    assert guard.paused(rows.connection).startswith("the ledger was restored")


def test_the_last_check_before_a_request_needs_the_lease_and_no_pause(rows: Rows) -> None:
    rows.leased("ord")
    assert guard.check_may_proceed(rows.connection, lease_on("ord")) == ""
    guard.pause(rows.tx(), "stop")
    assert guard.check_may_proceed(rows.connection, lease_on("ord")) == "stop"
    with pytest.raises(LeaseLost, match="ord was taken over just before the request; nothing was sent"):
        guard.check_may_proceed(rows.connection, lease_on("ord", "other:1"))


def test_the_last_check_before_a_request_names_a_restore_before_a_pause(rows: Rows) -> None:
    rows.leased("ord")
    guard.pause(rows.tx(), "stop")
    restores.begin_check(rows.tx(), 0.0)
    why = guard.check_may_proceed(rows.connection, lease_on("ord"))
    assert why == guard.paused(rows.connection) != "stop"
    rows.leased("far")
    with pytest.raises(LeaseLost, match="far was taken over"):
        guard.check_may_proceed(rows.connection, lease_on("far", "other:1"))
