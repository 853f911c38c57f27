"""How the carrier's state looks in EasyPost's JSON, after recorded test-mode traffic."""

from __future__ import annotations

from typing import Any

from packhouse.sandbox.carrier import CarrierDesk, Consignment
from packhouse.sandbox.wire import iso

MIME = {"PNG": "image/png", "PDF": "application/pdf", "ZPL": "application/zpl"}
LABELS = "/easypost/labels"


def shipment_json(context: CarrierDesk, consignment: Consignment, base_url: str) -> dict[str, Any]:
    """A shipment, bought or not; its label and tracker are null until it is."""
    at = iso(consignment.created_at)[:19] + "Z"
    asked, quote = consignment.asked, consignment.quote
    options = asked.get("options")
    to_address = _address(asked["to_address"], consignment.id, "to", at)
    from_address = _address(asked["from_address"], consignment.id, "from", at)
    rates = [one.to_json(at) for one in consignment.quotes.values()]
    bought_at = iso(consignment.bought_at)[:19] + "Z" if quote else None
    fee = {"object": "Fee", "type": "PostageFee", "charged": True, "refunded": False}
    return {
        "id": consignment.id,
        "object": "Shipment",
        "created_at": at,
        "updated_at": bought_at or at,
        "is_return": bool(asked.get("is_return")),
        "messages": consignment.messages,
        "mode": "test",
        "options": {
            **(options if isinstance(options, dict) else {}),
            "currency": "USD",
            "payment": {"type": "SENDER"},
            "date_advance": 0,
        },
        "reference": consignment.reference or None,
        "status": context.status(consignment) if quote else "unknown",
        "tracking_code": consignment.tracking_number or None,
        "batch_id": None,
        "batch_status": None,
        "batch_message": None,
        "customs_info": asked.get("customs_info"),
        "from_address": from_address,
        "to_address": to_address,
        "return_address": from_address,
        "buyer_address": to_address,
        "insurance": None,
        "order_id": None,
        "parcel": {**asked["parcel"], "id": f"prcl_{consignment.id[4:]}", "object": "Parcel", "mode": "test"},
        "postage_label": _postage_label(consignment, bought_at, base_url) if quote else None,
        "rates": rates,
        "selected_rate": quote.to_json(at) if quote else None,
        "refund_status": context.refund_status(consignment),
        "scan_form": None,
        "tracker": tracker_json(context, consignment, base_url) if quote else None,
        "usps_zone": None,
        "forms": [],
        "fees": [{**fee, "amount": f"{quote.offer.cents / 100:.5f}"}] if quote else [],
    }


def _postage_label(consignment: Consignment, at: str | None, base_url: str) -> dict[str, Any]:
    main = consignment.label_format
    urls = {
        name: f"{base_url}{LABELS}/{consignment.id}.{name.lower()}"
        for name in {main, *consignment.extra_formats}
    }
    return {
        "object": "PostageLabel",
        "id": f"pl_{consignment.id[4:]}",
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


def tracker_json(context: CarrierDesk, consignment: Consignment, base_url: str) -> dict[str, Any]:
    """The tracker of a bought shipment."""
    assert consignment.quote is not None
    at, status = iso(consignment.bought_at)[:19] + "Z", context.status(consignment)
    return {
        "id": f"trk_{consignment.id[4:]}",
        "object": "Tracker",
        "mode": "test",
        "tracking_code": consignment.tracking_number,
        "status": status,
        "status_detail": "status_update",
        "created_at": at,
        "updated_at": at,
        "signed_by": None,
        "weight": None,
        "est_delivery_date": None,
        "shipment_id": consignment.id,
        "carrier": consignment.quote.offer.carrier,
        "tracking_details": [],
        "fees": [],
        "carrier_detail": None,
        "public_url": f"{base_url}/easypost/track/{consignment.tracking_number}",
    }


def _address(asked: dict[str, Any], shipment_id: str, which: str, at: str) -> dict[str, Any]:
    parts = ("name", "company", "street1", "street2", "city", "state", "zip", "country", "phone", "email")
    return {
        "id": f"adr_{which}_{shipment_id[4:]}",
        "object": "Address",
        "created_at": at,
        "updated_at": at,
        **{part: asked.get(part) for part in parts},
        "mode": "test",
        "residential": None,
        "verifications": {},
    }
