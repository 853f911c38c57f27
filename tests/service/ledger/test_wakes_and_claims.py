"""When an order becomes due, who may claim it, and whether other replicas are notified of it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from packhouse.errors import LeaseLost
from packhouse.ledger import leases, notify
from packhouse.ledger.tables import orders
from packhouse.ledger.tx import Lease
from packhouse.model.states import OrderPhase
from tests.service.ledger.rows import NOW, TOKEN, Rows, lease_on

DUE, LEASE = orders.c.due_at, orders.c.lease


def notified(rows: Rows) -> bool:
    """Whether other replicas are notified at the commit."""
    return notify.take_mark(rows.connection)


def wake(rows: Rows, order_id: str = "ord", site_slug: str = "here") -> None:
    """Wake an order now; if it is shipped, in a minute."""
    leases.wake(rows.tx(), order_id, site_slug=site_slug, shipped_delay_s=60.0)


def test_an_unknown_order_is_added_as_open_and_due(rows: Rows) -> None:
    wake(rows)
    row = rows.row(orders, "ord")
    assert (row["phase"], row["site_slug"], row["due_at"], row["updated_at"]) == ("open", "here", NOW, NOW)
    assert (row["wakes"], row["lease"]) == (1, None)
    assert notified(rows)


@pytest.mark.parametrize(
    ("columns", "due_at"),
    [
        ({"due_at": NOW + 500}, NOW),
        ({"due_at": None, "phase": "held"}, NOW),
        ({"due_at": NOW + 500, "phase": "closed"}, NOW),
        ({"due_at": NOW + 500, "lease": TOKEN}, NOW + 500),
        ({"due_at": NOW + 500, "lease": TOKEN, "phase": "shipped"}, NOW + 500),
        ({"due_at": NOW + 500, "crashes": 1}, NOW),
        ({"due_at": NOW + 500, "crashes": 2, "phase": "held"}, NOW + 500),
        ({"due_at": NOW + 500, "phase": "shipped"}, NOW + 60),
        ({"due_at": None, "phase": "shipped"}, NOW + 60),
        ({"due_at": NOW + 5, "phase": "shipped"}, NOW + 5),
    ],
)
def test_a_wake_up_brings_an_order_forward_unless_it_is_leased_or_set_aside(
    rows: Rows, columns: dict[str, Any], due_at: float
) -> None:
    rows.order("ord", **columns)
    rows.order("far")
    wake(rows)
    row = rows.row(orders, "ord")
    assert (row["due_at"], row["wakes"]) == (due_at, 2)
    assert notified(rows) == (due_at == NOW)
    assert rows.column(DUE)["far"] == NOW + 60


def test_a_wake_up_names_the_site_only_where_none_is_known(rows: Rows) -> None:
    rows.order("ord", site_slug="there")
    rows.order("new")
    wake(rows)
    wake(rows, "new")
    assert rows.column(orders.c.site_slug) == {"ord": "there", "new": "here"}


def claimed(rows: Rows, most: int = 10, *, suspects: bool = False) -> list[str]:
    """What a worker claims for 100 seconds."""
    claim = leases.claim_suspects if suspects else leases.claim
    return [lease.order_id for lease in claim(rows.tx(), TOKEN, NOW + 100, most)]


def test_due_orders_are_claimed_up_to_a_number_the_longest_due_first(rows: Rows) -> None:
    for order_id, due_at in (("b", NOW), ("a", NOW - 5), ("c", NOW + 1), ("d", NOW - 9), ("e", None)):
        rows.order(order_id, due_at=due_at)
    assert sorted(claimed(rows, 2)) == ["a", "d"]
    assert rows.column(DUE) == {"a": NOW + 100, "b": NOW, "c": NOW + 1, "d": NOW + 100, "e": None}
    assert rows.column(LEASE) == {"a": TOKEN, "b": None, "c": None, "d": TOKEN, "e": None}
    assert claimed(rows) == ["b"]


def test_a_lease_says_what_the_order_was_when_it_was_claimed(rows: Rows) -> None:
    rows.order("ord", due_at=NOW, phase="held", wakes=7, attempts=3, crashes=1)
    (lease,) = leases.claim(rows.tx(), TOKEN, NOW + 100, 1)
    assert lease == Lease("ord", TOKEN, 7, 3, OrderPhase.HELD, 1)


def test_suspects_are_claimed_together_and_worse_ones_alone_after_them(rows: Rows) -> None:
    for order_id, crashes in (("a", 2), ("b", 2), ("c", 3), ("d", 9), ("e", 1), ("f", 0)):
        rows.order(order_id, due_at=NOW - ord(order_id), crashes=crashes)
    rows.order("later", due_at=NOW + 1, crashes=2)
    assert claimed(rows, suspects=True, most=1) == ["b"]
    assert claimed(rows, suspects=True) == ["a"]
    assert claimed(rows, suspects=True) == ["d"]
    assert claimed(rows, suspects=True) == ["c"]
    assert claimed(rows, suspects=True) == []
    assert sorted(claimed(rows)) == ["e", "f"]


def test_a_lease_is_proven_for_its_order_alone(rows: Rows) -> None:
    """A worker claims several orders with one token."""
    tx = rows.leased("ord")
    rows.leased("far")
    assert leases.require(tx) == lease_on("ord")
    assert rows.column(orders.c.updated_at) == {"ord": NOW, "far": NOW - 60}


def test_a_lease_that_another_worker_took_is_lost(rows: Rows) -> None:
    rows.leased("ord", lease="other:1")
    rows.leased("far")
    with pytest.raises(LeaseLost, match="lost the lease on order ord: another worker holds it"):
        leases.require(rows.tx(lease_on("ord")))
    assert rows.column(orders.c.updated_at) == {"ord": NOW - 60, "far": NOW - 60}


def test_a_worker_renews_its_own_leases_of_the_named_orders(rows: Rows) -> None:
    tokens = {"a": "w:1", "b": "w:2", "c": "w:1", "d": "other:1", "e": None, "f": "w2:1"}
    for order_id, lease in tokens.items():
        rows.order(order_id, lease=lease)
    held = leases.renew(rows.tx(), ["a", "b", "d", "e", "f"], "w", NOW + 500)
    assert held == {"a", "b"}
    assert {one for one, due_at in rows.column(DUE).items() if due_at == NOW + 500} == held
    assert leases.renew(rows.tx(), [], "w", NOW + 900) == set()


@pytest.mark.parametrize(
    ("columns", "is_woken"),
    [
        ({"due_at": None}, True),
        ({"due_at": None, "phase": "held"}, True),
        ({"due_at": None, "phase": "shipped"}, False),
        ({"due_at": None, "phase": "closed"}, False),
        ({"due_at": NOW + 500}, False),
        ({"due_at": NOW + 501}, True),
        ({"due_at": NOW + 501, "phase": "shipped"}, True),
        ({"due_at": NOW + 501, "lease": TOKEN}, True),
        ({"due_at": NOW + 200, "lease": TOKEN}, False),
        ({"due_at": NOW + 201, "lease": TOKEN}, True),
        ({"due_at": NOW + 201}, False),
    ],
)
def test_orders_without_a_due_time_and_those_too_far_in_the_future_are_woken(
    rows: Rows, columns: dict[str, Any], is_woken: bool
) -> None:
    rows.order("ord", **columns)
    assert leases.wake_stalled(rows.tx(), NOW + 500, NOW + 200) == int(is_woken)
    assert rows.column(DUE)["ord"] == (NOW if is_woken else columns["due_at"])
    assert notified(rows) == is_woken


def test_without_a_limit_no_due_time_is_too_far_in_the_future(rows: Rows) -> None:
    rows.order("ord", due_at=NOW + 10**9)
    rows.leased("far", due_at=NOW + 10**9)
    assert leases.wake_stalled(rows.tx()) == 0
    assert leases.wake_stalled(rows.tx(), math.inf, NOW) == 1


@pytest.mark.parametrize(
    ("columns", "is_woken"),
    [
        ({}, True),
        ({"phase": "held"}, True),
        ({"due_at": None}, True),
        ({"crashes": 1}, True),
        ({"crashes": 2}, False),
        ({"crashes": 2, "phase": "held"}, False),
        ({"phase": "shipped"}, False),
        ({"phase": "closed"}, False),
        ({"lease": TOKEN}, False),
        ({"lease": TOKEN, "phase": "shipped"}, False),
    ],
)
def test_new_settings_make_unfinished_orders_due_that_are_neither_leased_nor_suspects(
    rows: Rows, columns: dict[str, Any], is_woken: bool
) -> None:
    rows.order("ord", **columns)
    before = rows.column(DUE)["ord"]
    assert leases.wake_unfinished(rows.tx()) == int(is_woken)
    assert rows.column(DUE)["ord"] == (NOW if is_woken else before)
    assert notified(rows) == is_woken
