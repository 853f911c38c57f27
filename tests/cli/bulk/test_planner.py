"""Rows and the orders of the store: which rows become plan items, which are skipped, which are bad."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest

from packhouse.errors import StoreUnauthorized, StoreUnavailable
from packhouse.model.order import Units
from packhouse_cli.arguments.given_amount import GivenAmount
from packhouse_cli.bulk.plan import Plan
from packhouse_cli.bulk.rows import BadRow, Row
from packhouse_cli.exit_codes import UsageError
from tests.cli.bulk.memory_store import MemoryStore

ONE_OF_LI_1 = [{"line_item_id": "li_1", "quantity": 1, "tracking_number": "T0"}]


def bodies(plan: Plan) -> list[Any]:
    return [json.loads(item.body) for item in plan.items]


def refused(store: MemoryStore, *rows: Row, action: str = "fulfill") -> list[str]:
    with pytest.raises(UsageError) as raised:
        store.plan(*rows, action=action)
    head, *lines = str(raised.value).splitlines()
    assert f"{len(lines)} bad row" in head
    return lines


def parcel(line: int, order_id: str, tracking: str, *items: Units) -> Row:
    return Row(line, order_id, "USPS", tracking, items)


def test_a_row_without_units_ships_everything_unshipped_that_is_not_digital() -> None:
    store = MemoryStore("ord_1", fulfillments=ONE_OF_LI_1)
    store.digital = {"prod_2"}
    assert bodies(store.plan())[0]["items"] == [{"line_item_id": "li_1", "quantity": 1}]


def test_two_parcels_of_one_order_share_its_units_and_the_second_depends_on_the_first() -> None:
    store = MemoryStore("ord_1")
    plan = store.plan(parcel(2, "ord_1", "T1", Units("li_1", 1)), parcel(3, "ord_1", "T2"))
    assert [body["items"] for body in bodies(plan)] == [
        [{"line_item_id": "li_1", "quantity": 1}],
        [{"line_item_id": "li_1", "quantity": 1}, {"line_item_id": "li_2", "quantity": 1}],
    ]
    assert plan.items[1].preconditions.unshipped == {"li_1": 1, "li_2": 1}
    assert store.reads == 1


def test_all_bad_rows_are_reported_together_in_the_order_of_the_file() -> None:
    store = MemoryStore("ord_1", "ord_2", "ord_3", "ord_4")
    store.orders["ord_2"]["status"] = "cancelled"
    store.digital = {"prod_2"}
    said = refused(
        store,
        parcel(2, "ord_1", "T1"),
        parcel(3, "ord_1", "T1"),
        parcel(4, "ord_none", "T2"),
        parcel(5, "ord_2", "T3"),
        parcel(6, "ord_3", "T4", Units("li_1", 3)),
        parcel(7, "ord_4", "T5", Units("li_2", 1)),
    )
    assert [line.partition(":")[0] for line in said] == [f"line {number}" for number in range(3, 8)]
    for line, why in zip(
        said,
        ("same parcel on line 2", "does not know", "is cancelled", "has 2 units, and 3", "is digital"),
        strict=True,
    ):
        assert why in line


def test_bad_rows_are_skipped_on_request_and_listed() -> None:
    plan = MemoryStore("ord_1").plan(parcel(2, "ord_none", "T1"), parcel(3, "ord_1", "T2"), skip_bad=True)
    assert [(item.number, item.line) for item in plan.items] == [(1, 3)]
    (skipped,) = plan.skipped
    assert (skipped.line, skipped.order_id) == (2, "ord_none")


def test_a_file_that_was_partly_applied_becomes_a_plan_of_the_rest() -> None:
    store = MemoryStore("ord_1", "ord_2")
    items = store.orders["ord_1"]["items"]
    rows = [
        {"line_item_id": one["id"], "quantity": one["quantity"], "tracking_number": "T1"} for one in items
    ]
    store.orders["ord_1"] |= {"fulfillments": rows, "status": "fulfilled"}
    plan = store.plan(parcel(2, "ord_1", "T1"), parcel(3, "ord_2", "T2"))
    assert [item.order_id for item in plan.items] == ["ord_2"]
    assert [str(one) for one in plan.skipped] == ["line 2: order ord_1 already has tracking number T1"]


def test_orders_of_a_filter_that_cannot_be_changed_are_skipped_without_an_error() -> None:
    store = MemoryStore("ord_1", "ord_2", status="cancelled")
    store.orders["ord_2"]["status"] = "pending"
    plan = store.plan(parcel(0, "ord_1", "V1"), parcel(0, "ord_2", "V2"))
    assert [item.order_id for item in plan.items] == ["ord_2"]
    assert [one.order_id for one in plan.skipped] == ["ord_1"]


def test_a_refund_is_everything_that_is_left_and_never_more() -> None:
    store = MemoryStore("ord_1", "ord_2", refunds=[{"amount": 1200}])
    plan = store.plan(Row(2, "ord_1"), action="refund")
    assert bodies(plan) == [{"amount": 3800}]
    (said,) = refused(store, Row(2, "ord_1", amount=GivenAmount("3801")), action="refund")
    assert (
        "has 38.00 USD left to refund: its total is 50.00 USD, 12.00 USD was refunded before, "
        "and 38.01 USD was requested" in said
    )


def test_an_order_that_appears_twice_in_a_refund_file_is_a_bad_row() -> None:
    (said,) = refused(
        MemoryStore("ord_1"), Row(2, "ord_1", amount=GivenAmount("1")), Row(4, "ord_1"), action="refund"
    )
    assert said == "line 4: order ord_1 has another row on line 2; combine the two lines"


def test_bad_rows_of_the_file_are_reported_together_with_those_of_the_orders() -> None:
    from packhouse_cli.bulk.actions import ACTIONS
    from packhouse_cli.bulk.planner import make_plan

    rows: Sequence[Row] = [parcel(3, "ord_none", "T1")]
    with pytest.raises(UsageError) as raised:
        make_plan(
            ACTIONS["fulfill"],
            rows,
            MemoryStore().context(),
            made_at="",
            source={},
            bad_rows=[BadRow(2, "is not a row")],
        )
    assert [line.partition(":")[0] for line in str(raised.value).splitlines()[1:]] == ["line 2", "line 3"]


def test_planning_survives_a_store_that_recovers_and_ends_on_a_wrong_key() -> None:
    store = MemoryStore("ord_1", "ord_2")
    store.unread = [StoreUnavailable("Down.", status=503)]
    assert len(store.plan().items) == 2
    store.unread = [None, StoreUnauthorized("The key is wrong.", status=401)]
    with pytest.raises(StoreUnauthorized):
        store.plan()


def test_a_product_catalog_that_cannot_be_read_is_a_warning() -> None:
    from packhouse.errors import StoreForbidden

    class StoreWithoutProducts(MemoryStore):
        def products(self, site_slug: str, ids: Sequence[str]) -> Any:
            raise StoreForbidden("No scope.", status=403)

    plan = StoreWithoutProducts("ord_1", "ord_2").plan()
    assert len(plan.items) == 2
    assert plan.warnings == ("Cannot read which products of site lantern are digital: No scope.",)


def test_the_same_rows_give_the_same_keys_however_often_they_are_planned() -> None:
    store = MemoryStore("ord_1", "ord_2")
    first, second = store.plan(), store.plan()
    assert [item.key for item in first.items] == [item.key for item in second.items]
    assert len({item.key for item in first.items}) == 2


def test_a_refund_or_return_that_the_order_shows_is_planned_again_only_with_again() -> None:
    shown = {
        "items": [{"line_item_id": "li_1", "quantity": 1}],
        "reason": "Torn",
        "status": "requested",
        "id": "ret_1",
    }
    shipped = [{"line_item_id": "li_1", "quantity": 2, "tracking_number": "T0"}]
    refunds = [{"amount": 700, "reason": "Torn"}]
    for action, row in (
        ("refund", Row(2, "ord_1", amount=GivenAmount("700"), reason="Torn")),
        ("return", Row(2, "ord_1", items=(Units("li_1", 1),), reason="Torn")),
    ):
        store = MemoryStore("ord_1", refunds=refunds, returns=[shown], fulfillments=shipped)
        plan = store.plan(row, action=action)
        assert plan.items == ()
        reason = plan.skipped[0].reason
        assert re.fullmatch(
            r"order ord_1 already has this (refund|return); --again plans a second one", reason
        )
        first, second = (store.plan(row, action=action, again=True).items[0].key for _ in range(2))
        assert first == second, "planned twice by mistake, it is still one change"
        store.orders["ord_1"]["refunds"] = [*refunds, *refunds]
        store.orders["ord_1"]["items"][0]["quantity"] = 3
        store.orders["ord_1"]["fulfillments"] = [shipped[0] | {"quantity": 3}]
        store.orders["ord_1"]["returns"] = [shown, shown | {"id": "ret_2"}]
        assert store.plan(row, action=action, again=True).items[0].key != first, (
            "the order shows it, so this is another change"
        )


def test_a_return_names_its_units_and_no_more_than_are_left() -> None:
    store = MemoryStore("ord_1", fulfillments=ONE_OF_LI_1)
    plan = store.plan(Row(2, "ord_1", items=(Units("li_1", 1),), reason="Wrong size"), action="return")
    assert plan.items[0].path == "/merchant/orders/ord_1/returns"
    assert bodies(plan)[0]["reason"] == "Wrong size"
    (said,) = refused(store, Row(2, "ord_1"), action="return")
    assert "name the units" in said
    (said,) = refused(store, Row(2, "ord_1", items=(Units("li_1", 2),)), action="return")
    assert "has 1 unit that can be returned" in said
