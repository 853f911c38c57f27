"""customs: which units, weights and addresses a declaration is made from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.model.customs import Customs
from packhouse.model.order import Line, Units
from packhouse.model.states import ShipmentState
from packhouse.rules.customs import Incomplete
from packhouse.steps.context import OrderJob
from packhouse.steps.customs import declare, declare_unpacked
from tests.service.harness import Harness
from tests.service.steps.customs_situations import ABROAD

_S = ShipmentState


async def exported(harness: Harness) -> OrderJob:
    order = harness.sandbox.place_order("plain")
    harness.sandbox.store.change_address(order, ABROAD)
    return await harness.process_until(order, before="buy")


def declared(found: Any) -> Customs:
    assert isinstance(found, Customs), found
    return found


def quantities(found: Any) -> dict[str, int]:
    return {item.line_id: item.quantity for item in declared(found).items}


async def test_a_parcel_abroad_declares_its_units_at_the_weight_of_the_parcel(harness: Harness) -> None:
    job = await exported(harness)
    (shipment,) = job.shipments
    found = await declare(harness.context, job, shipment.units, 2_000)
    assert quantities(found) == {some.line_id: some.quantity for some in shipment.units}
    assert 0 < sum(item.weight_g for item in declared(found).items) <= 2_000


async def test_a_parcel_at_home_has_no_declaration_and_needs_no_catalog(harness: Harness) -> None:
    job = await harness.process_until(harness.sandbox.place_order("plain"), before="buy")
    await harness.clock.advance(3600)  # what was read of the catalog is forgotten
    harness.store.calls.clear()
    assert await declare(harness.context, job, job.shipments[0].units, 500) is None
    assert declare_unpacked(job.order, harness.settings) is None
    assert harness.store.calls == []


async def test_an_order_without_an_address_is_declared_as_one_that_goes_abroad(harness: Harness) -> None:
    job = await exported(harness)
    nowhere = replace(job.order, address=None)
    assert declared(declare_unpacked(nowhere, harness.settings)).export_code == "NOEEI 30.37(a)"
    assert declared(declare_unpacked(job.order, harness.settings)).export_code == "NOEEI 30.36"


async def test_a_parcel_without_an_address_is_declared_as_one_that_goes_abroad(harness: Harness) -> None:
    job = await exported(harness)
    job.fetched = replace(job.order, address=None)
    found = await declare(harness.context, job, job.shipments[0].units, 2_000)
    assert declared(found).export_code == "NOEEI 30.37(a)"


async def test_an_order_is_checked_as_one_parcel_with_all_goods_that_are_to_ship(harness: Harness) -> None:
    job = await exported(harness)
    first, second, *others = job.order.lines
    digital = replace(first, id="digital", is_digital=True)
    gone = replace(first, id="gone", quantity=0)
    order = replace(job.order, lines=(first, replace(second, is_digital=None), *others, digital, gone))
    expected = {line.id: line.quantity for line in job.order.lines}
    assert quantities(declare_unpacked(order, harness.settings)) == expected


async def test_a_missing_fact_is_named_instead_of_a_declaration(harness: Harness) -> None:
    job = await exported(harness)
    lines = tuple(replace(line, unit_price_minor=None) for line in job.order.lines)
    assert isinstance(declare_unpacked(replace(job.order, lines=lines), harness.settings), Incomplete)


def dear_goods_to_germany(job: OrderJob) -> Line:
    """Let the order be one of four units at 1000 USD each, to a country without an exemption of its own."""
    assert job.order.address is not None
    address = replace(job.order.address, city="Berlin", state="", postcode="10115", country="DE")
    line = replace(job.order.lines[0], quantity=4, unit_price_minor=100_000)
    job.fetched = replace(job.order, lines=(line,), address=address)
    return line


@pytest.mark.parametrize(
    ("state", "is_counted"), [(_S.FULFILLED, True), (_S.LABELED, True), (_S.CANCELLED, False)]
)
async def test_a_value_that_needs_a_filing_counts_all_parcels_of_the_order_that_may_ship(
    harness: Harness, state: ShipmentState, is_counted: bool
) -> None:
    """The exemption from filing in the US ends at 2500 USD for all goods of a kind that an order sends."""
    job = await exported(harness)
    (shipment,) = job.shipments
    line = dear_goods_to_germany(job)
    sent = replace(shipment, id="sent", units=(Units(line.id, 3),), state=state)
    job.shipments[:] = [sent]
    found = await declare(harness.context, job, [Units(line.id, 1)], 500)
    assert isinstance(found, Incomplete if is_counted else Customs)


async def test_a_value_that_needs_a_filing_counts_the_parcels_that_are_planned_next(harness: Harness) -> None:
    job = await exported(harness)
    line = dear_goods_to_germany(job)
    job.shipments.clear()
    assert isinstance(await declare(harness.context, job, [Units(line.id, 1)], 500), Customs)
    planned = [Units(line.id, 3)]
    assert isinstance(await declare(harness.context, job, [Units(line.id, 1)], 500, planned), Incomplete)
