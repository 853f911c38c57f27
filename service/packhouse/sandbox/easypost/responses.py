"""EasyPost's JSON of shipments and trackers, after recorded test-mode traffic."""

from __future__ import annotations

from typing import Any

from packhouse.sandbox.easypost.state import EasyPostShipment, EasyPostState
from packhouse.sandbox.http import to_iso

MIME = {"PNG": "image/png", "PDF": "application/pdf", "ZPL": "application/zpl"}
LABELS, FORMS = "/easypost/labels", "/easypost/forms"


def shipment_json(state: EasyPostState, shipment: EasyPostShipment, base_url: str) -> dict[str, Any]:
    """A shipment; its label and tracker are null until it is bought."""
    at = to_iso(shipment.created_at)[:19] + "Z"
    request, rate = shipment.request, shipment.selected_rate
    options = request.get("options")
    to_address = _address(request["to_address"], shipment.id, "to", at)
    from_address = _address(request["from_address"], shipment.id, "from", at)
    rates = [one.to_json(at) for one in shipment.rates.values()]
    bought_at = to_iso(shipment.bought_at)[:19] + "Z" if rate else None
    return {
        "id": shipment.id,
        "object": "Shipment",
        "created_at": at,
        "updated_at": bought_at or at,
        "is_return": bool(request.get("is_return")),
        "messages": shipment.messages,
        "mode": "test",
        "options": {
            **(options if isinstance(options, dict) else {}),
            "currency": "USD",
            "payment": {"type": "SENDER"},
            "date_advance": 0,
        },
        "reference": shipment.reference or None,
        "status": state.tracking_status(shipment) if rate else "unknown",
        "tracking_code": shipment.tracking_number or None,
        "batch_id": None,
        "batch_status": None,
        "batch_message": None,
        "customs_info": request.get("customs_info"),
        "from_address": from_address,
        "to_address": to_address,
        "return_address": from_address,
        "buyer_address": to_address,
        "insurance": None,
        "order_id": None,
        "parcel": {**request["parcel"], "id": f"prcl_{shipment.id[4:]}", "object": "Parcel", "mode": "test"},
        "postage_label": _postage_label(shipment, bought_at, base_url) if rate else None,
        "rates": rates,
        "selected_rate": rate.to_json(at) if rate else None,
        "refund_status": state.void_status(shipment),
        "scan_form": None,
        "tracker": tracker_json(state, shipment, base_url) if rate else None,
        "usps_zone": None,
        "forms": [_invoice(shipment, at, base_url)] if rate and shipment.is_export else [],
        "fees": _fees(shipment),
    }


def _fees(shipment: EasyPostShipment) -> list[dict[str, Any]]:
    """What the label cost; the postage is the price of its rate."""
    if shipment.selected_rate is None:
        return []
    cents = {"LabelFee": 0, "PostageFee": shipment.selected_rate.service_rate.cents}
    if shipment.insurance_cents:
        cents["InsuranceFee"] = shipment.insurance_cents
    return [
        {"object": "Fee", "type": kind, "amount": f"{c / 100:.5f}", "charged": True, "refunded": False}
        for kind, c in cents.items()
    ]


def _invoice(shipment: EasyPostShipment, at: str, base_url: str) -> dict[str, Any]:
    return {
        "object": "Form",
        "id": f"form_{shipment.id[4:]}",
        "created_at": at,
        "updated_at": at,
        "mode": "test",
        "form_type": "commercial_invoice",
        "form_url": f"{base_url}{FORMS}/{shipment.id}.pdf",
        "submitted_electronically": False,
    }


def _postage_label(shipment: EasyPostShipment, at: str | None, base_url: str) -> dict[str, Any]:
    main = shipment.label_format
    urls = {
        name: f"{base_url}{LABELS}/{shipment.id}.{name.lower()}" for name in {main, *shipment.extra_formats}
    }
    return {
        "object": "PostageLabel",
        "id": f"pl_{shipment.id[4:]}",
        "created_at": at,
        "updated_at": at,
        "date_advance": 0,
        "integrated_form": "none",
        "label_date": at,
        "label_resolution": 203 if main == "ZPL" else 300,
        "label_size": "4x6",
        "label_type": "default",
        "label_file_type": MIME[main],
        "label_url": urls[main],
        "label_pdf_url": urls.get("PDF"),
        "label_zpl_url": urls.get("ZPL"),
        "label_epl2_url": None,
        "label_file": None,
    }


def tracker_json(state: EasyPostState, shipment: EasyPostShipment, base_url: str) -> dict[str, Any]:
    """The tracker of a bought shipment."""
    assert shipment.selected_rate is not None
    at, status = to_iso(shipment.bought_at)[:19] + "Z", state.tracking_status(shipment)
    return {
        "id": f"trk_{shipment.id[4:]}",
        "object": "Tracker",
        "mode": "test",
        "tracking_code": shipment.tracking_number,
        "status": status,
        "status_detail": "return" if status == "return_to_sender" else "status_update",
        "created_at": at,
        "updated_at": at,
        "signed_by": None,
        "weight": None,
        "est_delivery_date": None,
        "shipment_id": shipment.id,
        "carrier": shipment.selected_rate.service_rate.carrier,
        "tracking_details": [],
        "fees": [],
        "carrier_detail": None,
        "public_url": f"{base_url}/easypost/track/{shipment.tracking_number}",
    }


def _address(fields: dict[str, Any], shipment_id: str, which: str, at: str) -> dict[str, Any]:
    parts = ("name", "company", "street1", "street2", "city", "state", "zip", "country", "phone", "email")
    return {
        "id": f"adr_{which}_{shipment_id[4:]}",
        "object": "Address",
        "created_at": at,
        "updated_at": at,
        **{part: fields.get(part) for part in parts},
        "mode": "test",
        "residential": None,
        "verifications": {},
    }
