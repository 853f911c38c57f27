"""Recorded test-mode traffic, replayed: what EasyPost really said is what the adapter understands."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from packhouse.errors import ProviderRefused
from packhouse.http import httpx
from packhouse.model.label import LabelFormat, Rate
from packhouse.model.money import Money
from packhouse.providers.conformance import sample_request
from packhouse.providers.easypost import wire
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.easypost.options import EasyPostOptions
from packhouse.providers.easypost.tracking import read_tracking
from packhouse.providers.port import Absent, Bought, Purchase, TrackerState, VoidPending, Withdrawn
from tests.service.providers.context import context, kept

RECORDED = Path(__file__).parents[4].parent / "shared/data/carriers/easypost"
if not RECORDED.is_dir():
    pytest.skip("the recorded carrier traffic is not here", allow_module_level=True)


class Plain(yaml.SafeLoader):
    """Reads cassettes; tags of other languages are plain nodes."""


Plain.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: None)


def interactions(name: str) -> list[dict[str, Any]]:
    recorded = yaml.load((RECORDED / f"{name}.yaml").read_text(), Plain)
    return list(recorded["interactions"])


def replayed(name: str) -> tuple[EasyPostProvider, list[httpx.Request]]:
    """An adapter whose calls are answered from the cassette, in its order and only at its addresses."""
    waiting, asked = interactions(name), []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        exchange = waiting.pop(0)
        assert (request.method, str(request.url)) == (
            exchange["request"]["method"],
            exchange["request"]["uri"],
        )
        status = exchange["response"]["status"]["code"]
        return httpx.Response(status, text=exchange["response"]["body"]["string"])

    options = EasyPostOptions.model_validate({"api_key": "EZTK_recorded"})
    return EasyPostProvider(options, context(), httpx.MockTransport(answer)), asked


def test_a_recorded_purchase_is_bought() -> None:
    async def story() -> None:
        carrier, asked = replayed("test_shipment_buy")
        request = sample_request("123")
        prepared = await carrier.prepare(request)
        assert [(rate.service, rate.price.minor, rate.days) for rate in prepared.rates] == [
            ("Express", 3415, 1),
            ("Priority", 742, 2),
            ("GroundAdvantage", 607, 3),
        ]
        outcome = await carrier.buy(Purchase(request, prepared.provider_ref, prepared.rates[2]))
        assert isinstance(outcome, Bought)
        assert outcome.tracking_number == "9400100208303109505657"
        assert outcome.cost == Money(607, "USD")
        assert (outcome.carrier, outcome.service) == ("USPS", "GroundAdvantage")
        assert outcome.document_source.endswith(".png")
        recorded = interactions("test_shipment_buy")
        assert json.loads(asked[1].content) == json.loads(recorded[1]["request"]["body"])
        ours, theirs = (
            json.loads(body)["shipment"] for body in (asked[0].content, recorded[0]["request"]["body"])
        )
        assert set(ours) <= set(theirs)
        assert set(ours["parcel"]) == set(theirs["parcel"])
        assert set(ours["to_address"]) <= set(theirs["to_address"]) | {"company"}

    asyncio.run(story())


def test_a_recorded_void_is_pending() -> None:
    async def story() -> None:
        carrier, _ = replayed("test_shipment_refund")
        bought = interactions("test_shipment_refund")[0]["response"]["body"]["string"]
        shipment_id = json.loads(bought)["id"]
        await carrier.prepare(sample_request("none"))  # the cassette's one-call purchase, which we never make
        label = Bought(shipment_id, "9400100208303109505688", "USPS", "GroundAdvantage", Money(607, "USD"))
        assert isinstance(await carrier.void(kept("easypost", label)), VoidPending)

    asyncio.run(story())


def test_a_recorded_prepared_shipment_is_absent() -> None:
    async def story() -> None:
        carrier, _ = replayed("test_shipment_retrieve")
        request = sample_request("123")
        prepared = await carrier.prepare(request)
        purchase = Purchase(request, prepared.provider_ref, prepared.rates[0])
        assert await carrier.lookup(purchase) == Absent()

    asyncio.run(story())


def test_a_recorded_error_is_a_refusal_with_its_reason() -> None:
    async def story() -> None:
        carrier, _ = replayed("test_error")
        with pytest.raises(
            ProviderRefused, match=r"Missing required parameter.*shipment: cannot be blank"
        ) as raised:
            await carrier.prepare(sample_request("123"))
        assert raised.value.code == "PARAMETER.REQUIRED"

    asyncio.run(story())


def test_a_recorded_address_failure_names_the_field() -> None:
    exchange = interactions("test_address_verify_invalid_address")[1]
    refusal = wire.read_refusal(422, exchange["response"]["body"]["string"].encode())
    assert refusal.code == "ADDRESS.VERIFY.FAILURE"
    assert "street1: House number is missing" in refusal.reason


def recorded_bodies() -> list[tuple[str, dict[str, Any]]]:
    """Every JSON object that EasyPost answered, in the cassettes and in the documented fixtures."""
    found = []
    for cassette in sorted(RECORDED.glob("*.yaml")):
        for number, exchange in enumerate(interactions(cassette.stem)):
            body = exchange["response"]["body"]["string"]
            if body:
                found.append((f"{cassette.stem} {number}", json.loads(body)))
    for file in sorted((RECORDED / "fixtures").rglob("*.json")):
        found.append((file.stem, json.loads(file.read_text())))
    return [(name, body) for name, body in found if isinstance(body, dict)]


@pytest.mark.parametrize(
    "shipment",
    [pytest.param(body, id=name) for name, body in recorded_bodies() if body.get("object") == "Shipment"],
)
def test_every_recorded_shipment_is_read_as_what_it_is(shipment: dict[str, Any]) -> None:
    reference = shipment["reference"] or ""
    prepared = wire.read_prepared(shipment, reference)
    assert prepared.provider_ref == shipment["id"]
    assert len(prepared.rates) == len(shipment["rates"])
    assert all("ignores" not in message for message in prepared.messages)
    assert [str(rate.price.minor) for rate in prepared.rates] == [
        rate["rate"].replace(".", "").lstrip("0") for rate in shipment["rates"]
    ]
    rate = prepared.rates[0] if prepared.rates else Rate("rate_1", "USPS", "Priority", Money(1, "USD"))
    purchase = Purchase(sample_request(reference), prepared.provider_ref, rate)
    found = wire.read_postage(json.dumps(shipment).encode(), purchase, LabelFormat.PDF)
    if shipment["refund_status"]:
        assert isinstance(found, Withdrawn)
        assert found.tracking_number == shipment["tracking_code"]
    elif shipment["postage_label"]:
        assert isinstance(found, Bought)
        assert str(found.cost.minor) == shipment["selected_rate"]["rate"].replace(".", "")
        assert found.tracking_number == shipment["tracking_code"]
    else:
        assert found == Absent()


@pytest.mark.parametrize(
    "tracker",
    [pytest.param(body, id=name) for name, body in recorded_bodies() if body.get("object") == "Tracker"],
)
def test_every_recorded_tracker_is_read(tracker: dict[str, Any]) -> None:
    tracking = read_tracking({"tracker": tracker})
    assert tracking.state is not TrackerState.UNKNOWN
    assert tracker["tracking_details"][-1]["message"] in tracking.note


@pytest.mark.parametrize(
    "body", [pytest.param(body, id=name) for name, body in recorded_bodies() if "error" in body]
)
def test_every_word_of_a_recorded_error_is_read(body: dict[str, Any]) -> None:
    refusal = wire.read_refusal(422, json.dumps(body).encode())
    assert refusal.is_easypost
    assert refusal.code == body["error"]["code"]
    assert body["error"]["message"] in refusal.reason
    for row in body["error"]["errors"]:
        assert (row if isinstance(row, str) else row["message"]) in refusal.reason


def test_documented_void_and_tracking_states_are_read() -> None:
    refund = json.loads((RECORDED / "fixtures/shipping-refund/shipping-refund-refund.json").read_text())
    assert isinstance(wire.read_void(refund), VoidPending)
    tracker = json.loads((RECORDED / "fixtures/trackers/trackers-retrieve.json").read_text())
    assert read_tracking({"tracker": tracker}).state is TrackerState.PRE_TRANSIT
