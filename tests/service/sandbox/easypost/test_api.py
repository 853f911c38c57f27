"""The fake EasyPost follows EasyPost's protocol."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from packhouse.sandbox.http import Request
from packhouse.sandbox.sandbox import Sandbox, SandboxOptions
from tests.clock import ManualClock
from tests.service.sandbox.harness import SHIPMENTS, Receiver, ask, buy, call, easypost, in_sandbox, shipment

RECORDED = Path(__file__).parents[5] / "shared" / "data" / "carriers" / "easypost"


def _recorded(name: str) -> list[dict[str, Any]]:
    file = RECORDED / name
    if not file.exists():
        pytest.skip(f"recorded traffic is not here: {name}")
    talks = yaml.safe_load(file.read_text(encoding="utf-8"))["interactions"]
    return [json.loads(talk["response"]["body"]["string"]) for talk in talks]


def _shape(value: Any, at: str = "") -> set[str]:
    """Every path to a value that is not null, with its kind; lists count by their first element."""
    if isinstance(value, dict):
        return {path for name, part in value.items() for path in _shape(part, f"{at}.{name}")}
    if isinstance(value, list):
        return _shape(value[0], f"{at}[]") if value else set()
    kind = (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    )
    return {f"{at}:{kind}"} if value is not None else set()


# Parts of recorded responses that shipping does not need: verification and details from the carrier.
_NOT_FAKED = (
    "verifications",
    "usps_zone",
    "residential",
    "tracking_details",
    "carrier_detail",
    "customs_info",
)


def test_a_bought_shipment_has_every_part_that_recorded_traffic_has() -> None:
    recorded = _recorded("test_shipment_buy.yaml")[1]

    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        parts = {
            "to_address": recorded["to_address"],
            "from_address": recorded["from_address"],
            "options": {"label_format": "PNG", "invoice_number": "123"},
        }
        ours = await ask(sandbox, easypost("POST", SHIPMENTS, shipment("123", **parts)), 201)
        rate = {"rate": {"id": ours["rates"][0]["id"]}}
        ours = await ask(sandbox, easypost("POST", f"{SHIPMENTS}/{ours['id']}/buy", rate))
        missing = _shape(recorded) - _shape(ours)
        assert {path for path in missing if not any(part in path for part in _NOT_FAKED)} == {
            ".parcel.created_at:str",
            ".parcel.updated_at:str",
        }

    in_sandbox(story)


def test_an_error_looks_like_a_recorded_one() -> None:
    recorded = _recorded("test_error.yaml")[0]

    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        assert await ask(sandbox, easypost("POST", SHIPMENTS, {"shipment": {}}), 422) == recorded

    in_sandbox(story)


def test_a_shipment_is_bought_once_and_is_found_by_id_and_by_reference() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        made = await ask(sandbox, easypost("POST", SHIPMENTS, shipment("ord_1/1/1")), 201)
        assert made["tracking_code"] is None
        assert made["postage_label"] is None
        url, rates = f"{SHIPMENTS}/{made['id']}", made["rates"]
        bought = await ask(sandbox, easypost("POST", f"{url}/buy", {"rate": {"id": rates[2]["id"]}}))
        assert bought["selected_rate"]["id"] == rates[2]["id"]
        for path in (url, f"{SHIPMENTS}/ord_1%2F1%2F1"):
            assert (await ask(sandbox, easypost("GET", path)))["tracking_code"] == bought["tracking_code"]
        refused = await ask(sandbox, easypost("POST", f"{url}/buy", {"rate": {"id": rates[0]["id"]}}), 422)
        assert refused["error"]["code"] == "SHIPMENT.POSTAGE.EXISTS"
        assert [one.cost_minor for one in sandbox.audit.purchases()] == [round(float(rates[2]["rate"]) * 100)]

    in_sandbox(story)


def test_several_shipments_may_share_a_reference_and_each_can_be_bought() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        first, second = await buy(sandbox, "ord_1/1/1"), await buy(sandbox, "ord_1/1/1")
        assert first["tracking_code"] != second["tracking_code"]
        found = await ask(sandbox, easypost("GET", f"{SHIPMENTS}/ord_1%2F1%2F1"))
        assert found["id"] == second["id"]

    in_sandbox(story)


def test_a_rate_of_another_shipment_and_an_unknown_shipment_cannot_be_bought() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        one = await ask(sandbox, easypost("POST", SHIPMENTS, shipment()), 201)
        two = await ask(sandbox, easypost("POST", SHIPMENTS, shipment()), 201)
        rate = {"rate": {"id": two["rates"][0]["id"]}}
        await ask(sandbox, easypost("POST", f"{SHIPMENTS}/{one['id']}/buy", rate), 422)
        await ask(sandbox, easypost("POST", f"{SHIPMENTS}/{one['id']}/buy", {}), 422)
        await ask(sandbox, easypost("POST", f"{SHIPMENTS}/shp_none/buy", rate), 404)
        assert sandbox.audit.purchases() == []

    in_sandbox(story)


def test_an_incomplete_address_gets_messages_instead_of_rates() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        to = {**shipment()["shipment"]["to_address"], "city": ""}
        made = await ask(sandbox, easypost("POST", SHIPMENTS, shipment(to_address=to)), 201)
        assert made["rates"] == []
        assert made["messages"][0]["message"] == "to_address.city is required."

    in_sandbox(story)


@pytest.mark.parametrize("weight", [0, -1, None, "15", True])
def test_a_parcel_without_a_weight_is_refused(weight: object) -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        asked = shipment(parcel={"length": 1, "width": 1, "height": 1, "weight": weight})
        error = (await ask(sandbox, easypost("POST", SHIPMENTS, asked), 422))["error"]
        assert error["errors"][0]["field"] == "parcel.weight"

    in_sandbox(story)


def test_a_void_completes_after_a_while_and_only_once() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        bought = await buy(sandbox, "ord_1/1/1")
        url = f"{SHIPMENTS}/{bought['id']}"
        assert (await ask(sandbox, easypost("POST", f"{url}/refund", {})))["refund_status"] == "submitted"
        assert [(one.live, one.voided) for one in sandbox.audit.purchases()] == [(False, False)]
        await clock.advance(5)
        assert (await ask(sandbox, easypost("POST", f"{url}/refund", {})))["refund_status"] == "refunded"
        assert (await ask(sandbox, easypost("GET", url)))["refund_status"] == "refunded"
        assert [(one.live, one.voided) for one in sandbox.audit.purchases()] == [(False, True)]

    in_sandbox(story, options=SandboxOptions(void_s=5))


def test_a_parcel_in_transit_cannot_be_voided_and_is_delivered() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        bought = await buy(sandbox, "ord_1/1/1")
        url = f"{SHIPMENTS}/{bought['id']}"
        assert bought["tracker"]["status"] == "pre_transit"
        await clock.advance(30)
        assert (await ask(sandbox, easypost("POST", f"{url}/refund", {})))["refund_status"] == "rejected"
        assert [one.live for one in sandbox.audit.purchases()] == [True]
        other = await buy(sandbox, "ord_2/1/1")
        tracker = {"tracker": {"tracking_code": other["tracking_code"]}}
        states = []
        for seconds in (0, 30, 50, 20):
            await clock.advance(seconds)
            states.append((await ask(sandbox, easypost("POST", "/easypost/v2/trackers", tracker)))["status"])
        assert states == ["pre_transit", "in_transit", "out_for_delivery", "delivered"]

    in_sandbox(story, options=SandboxOptions(transit_s=100))


def test_without_transit_a_parcel_is_delivered_at_once() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        bought = await buy(sandbox, "ord_1/1/1")
        assert sandbox.easypost.tracking_status(sandbox.easypost.find(bought["id"])) == "delivered"

    in_sandbox(story, options=SandboxOptions(transit_s=0))


def test_a_shipment_that_is_not_bought_has_no_label_and_cannot_be_voided() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        made = await ask(sandbox, easypost("POST", SHIPMENTS, shipment()), 201)
        url = f"{SHIPMENTS}/{made['id']}"
        assert isinstance(
            (await ask(sandbox, easypost("POST", f"{url}/refund"), 422))["error"]["errors"][0], str
        )
        await ask(sandbox, easypost("GET", f"{url}/label", query="file_format=PDF"), 422)
        response = await sandbox.handle(Request("GET", f"/easypost/labels/{made['id']}.zpl"))
        assert response.status == 404

    in_sandbox(story)


@pytest.mark.parametrize(
    ("ending", "mime", "start"),
    [
        ("zpl", b"application/zpl", b"^XA"),
        ("pdf", b"application/pdf", b"%PDF"),
        ("png", b"image/png", b"\x89PNG"),
    ],
)
def test_the_label_is_served_in_the_requested_format_without_a_key(
    ending: str, mime: bytes, start: bytes
) -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        bought = await buy(sandbox, "ord_1/1/1")
        query = f"file_format={ending.upper()}"
        shown = await ask(sandbox, easypost("GET", f"{SHIPMENTS}/{bought['id']}/label", query=query))
        label = shown["postage_label"]
        assert label["label_url"].endswith(".zpl")
        url = label["label_url"] if ending == "png" else label[f"label_{ending}_url"]
        path = url.removeprefix("http://here:1").rpartition(".")[0] + f".{ending}"
        response = await sandbox.handle(Request("GET", path))
        assert (response.status, response.content_type) == (200, mime)
        assert response.body.lstrip().startswith(start)
        if ending == "zpl":
            assert bought["tracking_code"].encode() in response.body.replace(b" ", b"")

    in_sandbox(story, options=SandboxOptions(base_url="http://here:1"))


def test_label_links_use_the_host_that_the_caller_used() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        bought = await buy(sandbox, "ord_1/1/1")
        asked = easypost("GET", f"{SHIPMENTS}/{bought['id']}")
        shown = await ask(sandbox, replace(asked, headers={**asked.headers, b"host": b"sandbox:8090"}))
        assert shown["postage_label"]["label_url"].startswith("http://sandbox:8090/easypost/labels/")

    in_sandbox(story)


def test_the_key_is_accepted_in_both_forms_and_a_wrong_key_is_refused() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        basic = Request("GET", SHIPMENTS, headers={b"authorization": b"Basic RVpUS19zYW5kYm94Og=="})
        assert (await ask(sandbox, basic)) == {"shipments": [], "has_more": False}
        await ask(sandbox, easypost("GET", SHIPMENTS))
        await ask(sandbox, call("GET", SHIPMENTS, key="aly_sandbox"), 401)

    in_sandbox(story)


def test_shipments_are_listed_newest_first_page_by_page() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        made = [(await ask(sandbox, easypost("POST", SHIPMENTS, shipment()), 201))["id"] for _ in range(5)]
        page = await ask(sandbox, easypost("GET", SHIPMENTS, query="page_size=3"))
        assert ([one["id"] for one in page["shipments"]], page["has_more"]) == (made[:1:-1], True)
        last = page["shipments"][-1]["id"]
        rest = await ask(sandbox, easypost("GET", SHIPMENTS, query=f"page_size=3&before_id={last}"))
        assert ([one["id"] for one in rest["shipments"]], rest["has_more"]) == (made[1::-1], False)

    in_sandbox(story)


async def _void(sandbox: Sandbox, bought: dict[str, Any]) -> str:
    answer = await ask(sandbox, easypost("POST", f"{SHIPMENTS}/{bought['id']}/refund"))
    return str(answer["refund_status"])


def test_a_void_that_is_rejected_may_be_asked_again() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        bought = await buy(sandbox, "ord_1/1/1")
        sandbox.faults.trigger_next("easypost.reject_void")
        assert await _void(sandbox, bought) == "rejected"
        assert sandbox.audit.purchases()[0].live
        assert await _void(sandbox, bought) == "submitted"
        assert not sandbox.audit.purchases()[0].live

    in_sandbox(story)


def test_a_void_of_a_label_that_is_billed_on_scan_is_not_applicable_and_costs_nothing() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        bought = await buy(sandbox, "ord_1/1/1")
        sandbox.faults.trigger_next("easypost.bill_on_scan")
        assert await _void(sandbox, bought) == "not_applicable"
        (purchase,) = sandbox.audit.purchases()
        assert (purchase.live, purchase.voided) == (False, True)

    in_sandbox(story)


def test_an_insured_label_costs_its_fee_and_the_books_say_so() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        sandbox.faults.trigger_next("easypost.insure")
        bought = await buy(sandbox, "ord_1/1/1")
        fees = {fee["type"]: fee["amount"] for fee in bought["fees"]}
        assert fees == {
            "LabelFee": "0.00000",
            "PostageFee": f"{float(bought['selected_rate']['rate']):.5f}",
            "InsuranceFee": "1.00000",
        }
        (purchase,) = sandbox.audit.purchases()
        assert purchase.cost_minor == round(float(bought["selected_rate"]["rate"]) * 100) + 100

    in_sandbox(story)


def test_an_export_has_a_commercial_invoice_with_a_file() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        assert (await buy(sandbox, "ord_1/1/1"))["forms"] == []
        body = shipment("ord_2/1/1")
        body["shipment"]["to_address"] |= {"country": "CA", "state": "ON", "zip": "M5V 2T6"}
        body["shipment"]["customs_info"] = {
            "eel_pfc": "NOEEI 30.36",
            "customs_items": [{"description": "Mug", "origin_country": "US", "value": 9.0, "weight": 1.0}],
        }
        made = await ask(sandbox, easypost("POST", SHIPMENTS, body), 201)
        assert made["forms"] == []
        rate = {"rate": {"id": made["rates"][0]["id"]}}
        bought = await ask(sandbox, easypost("POST", f"{SHIPMENTS}/{made['id']}/buy", rate))
        (form,) = bought["forms"]
        assert form["form_type"] == "commercial_invoice"
        path = "/easypost/" + form["form_url"].split("/easypost/")[1]
        file = await sandbox.handle(Request("GET", path))
        assert (file.status, file.body[:5]) == (200, b"%PDF-")
        sandbox.faults.trigger_next("easypost.no_form")
        assert (await sandbox.handle(Request("GET", path))).status == 503

    in_sandbox(story)


def test_a_returned_parcel_comes_back_instead_of_being_delivered() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        sandbox.faults.trigger_next("easypost.return_parcel")
        bought = await buy(sandbox, "ord_1/1/1")
        await clock.advance(sandbox.options.transit_s)
        tracker = (await ask(sandbox, easypost("GET", f"{SHIPMENTS}/{bought['id']}")))["tracker"]
        assert (tracker["status"], tracker["status_detail"]) == ("return_to_sender", "return")

    in_sandbox(story)


@pytest.mark.parametrize(("when", "sold"), [("before", 0), ("after", 1)])
def test_a_firewalls_page_hides_whether_a_label_was_sold(when: str, sold: int) -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        made = await ask(sandbox, easypost("POST", SHIPMENTS, shipment("ord_1/1/1")), 201)
        sandbox.faults.trigger_next(f"easypost.firewall_{when}_effect")
        rate = {"rate": {"id": made["rates"][0]["id"]}}
        page = await sandbox.handle(easypost("POST", f"{SHIPMENTS}/{made['id']}/buy", rate))
        assert (page.status, page.content_type) == (403, b"text/html")
        assert len(sandbox.audit.purchases()) == sold

    in_sandbox(story)
