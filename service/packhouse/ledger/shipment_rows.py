"""Shipments and labels as rows of their tables, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from packhouse.model.flat import flat
from packhouse.model.label import Label, LabelFormat, LabelPaper, Rate
from packhouse.model.money import Money
from packhouse.model.order import Units
from packhouse.model.parcel import Parcel
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.model.tracking import TrackerState, Tracking
from packhouse.model.tracking_number import canonical


def shipment_row(shipment: Shipment, now: float) -> dict[str, Any]:
    """A shipment as its row, written at `now`."""
    return {
        "id": shipment.id,
        "order_id": shipment.order_id,
        "seq": shipment.seq,
        "generation": shipment.generation,
        "state": shipment.state.value,
        "units": [[units.line_id, units.quantity] for units in shipment.units],
        "fingerprint": shipment.fingerprint,
        "parcel": flat(shipment.parcel) if shipment.parcel else None,
        "provider": shipment.provider,
        "provider_ref": shipment.provider_ref,
        "rate": rate_to_json(shipment.rate) if shipment.rate else None,
        "quoted": flat(shipment.quoted) if shipment.quoted else None,
        "intent_at": shipment.intent_at,
        "post_key": shipment.post_key,
        "post_body": shipment.post_body,
        "announced_at": shipment.announced_at,
        "updated_at": now,
    }


def label_row(label: Label) -> dict[str, Any]:
    """A label as its row."""
    return {
        "id": label.id,
        "shipment_id": label.shipment_id,
        "generation": label.generation,
        "state": label.state.value,
        "provider": label.provider,
        "carrier": label.carrier,
        "service": label.service,
        "tracking_number": label.tracking_number,
        "tracking_canonical": canonical(label.tracking_number),
        "provider_id": label.provider_id,
        "cost_minor": label.cost.minor,
        "currency": label.cost.currency,
        "bought_at": label.bought_at,
        "document": label.document,
        "document_format": label.document_format.value if label.document_format else None,
        "document_source": label.document_source,
        "void_requested_at": label.void_requested_at,
        "void_refusals": label.void_refusals,
        "papers": papers_to_json(label.papers),
    }


def rate_to_json(rate: Rate) -> dict[str, Any]:
    """A rate as kept in its column."""
    return {
        "id": rate.id,
        "carrier": rate.carrier,
        "service": rate.service,
        "minor": rate.price.minor if rate.price else None,
        "currency": rate.price.currency if rate.price else None,
        "days": rate.days,
        "is_estimate": rate.is_estimate,
        "chosen_by": rate.chosen_by,
    }


def _rate(raw: dict[str, Any] | None) -> Rate | None:
    if raw is None:
        return None
    price = None if raw["minor"] is None else Money(raw["minor"], raw["currency"])
    is_estimate, chosen_by = raw.get("is_estimate", False), raw.get("chosen_by", "")
    return Rate(raw["id"], raw["carrier"], raw["service"], price, raw["days"], is_estimate, chosen_by)


def shipment_of(row: Row[Any]) -> Shipment:
    """A shipment, with its label, from a row of the two tables joined."""
    return Shipment(
        id=row.id,
        order_id=row.order_id,
        seq=row.seq,
        state=ShipmentState(row.state),
        units=tuple(Units(line_id, quantity) for line_id, quantity in row.units),
        generation=row.generation,
        fingerprint=row.fingerprint,
        parcel=Parcel(**row.parcel) if row.parcel else None,
        provider=row.provider,
        provider_ref=row.provider_ref,
        rate=_rate(row.rate),
        quoted=Money(row.quoted["minor"], row.quoted["currency"]) if row.quoted else None,
        intent_at=row.intent_at,
        post_key=row.post_key,
        post_body=row.post_body,
        announced_at=row.announced_at,
        label=_label(row) if row.label_id else None,
    )


def _label(row: Row[Any]) -> Label:
    return Label(
        id=row.label_id,
        shipment_id=row.label_shipment_id,
        generation=row.label_generation,
        provider=row.label_provider,
        carrier=row.label_carrier,
        service=row.label_service,
        tracking_number=row.label_tracking_number,
        provider_id=row.label_provider_id,
        cost=Money(row.label_cost_minor, row.label_currency),
        state=LabelState(row.label_state),
        bought_at=row.label_bought_at,
        document=row.label_document,
        document_format=LabelFormat(row.label_document_format) if row.label_document_format else None,
        document_source=row.label_document_source,
        void_requested_at=row.label_void_requested_at,
        void_refusals=row.label_void_refusals,
        void_due_at=row.label_void_due_at,
        void_again=row.label_void_again,
        papers=tuple(_paper(paper) for paper in row.label_papers or ()),
        tracking=Tracking(
            TrackerState(row.label_tracking_state), row.label_tracking_note, row.label_expected_at
        ),
        tracking_changed_at=row.label_tracking_changed_at,
        track_due_at=row.label_track_due_at,
    )


def papers_to_json(papers: Sequence[LabelPaper]) -> list[dict[str, Any]] | None:
    """Papers as kept in their column; NULL for none."""
    return [asdict(paper) for paper in papers] or None


def _paper(raw: dict[str, Any]) -> LabelPaper:
    kind = raw["document_format"]
    return LabelPaper(**raw | {"document_format": LabelFormat(kind) if kind else None})
