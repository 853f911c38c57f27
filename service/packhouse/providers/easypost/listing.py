"""EasyPost's list of shipments: the pages to ask for, and the labels that they show. Pure; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from packhouse.model.label import Rate
from packhouse.model.parcel import Parcel
from packhouse.providers.port import ListedPurchase
from packhouse.providers.rest import Unreadable, mapping, money, text

# A page shows every rate of every shipment, so it is large.
_PAGE = 50
MOST_PAGES = 400
# A shipment is listed by the time of its registration, which comes before the purchase: mostly by seconds, by
# days after a hold.
_REGISTERED_BEFORE_S = 3 * 86_400.0
_GRAMS, _MM = 28.349523125, 25.4


class Page(NamedTuple):
    """The purchases of one page, and the id after which the next page begins ("" on the last)."""

    purchases: tuple[ListedPurchase, ...]
    following: str


def page_query(since: float, before_id: str) -> str:
    """The query of a page: shipments registered since then, older than `before_id`, the newest first."""
    start = datetime.fromtimestamp(max(since - _REGISTERED_BEFORE_S, 0.0), UTC)
    query = {"page_size": str(_PAGE), "purchased": "true", "start_datetime": f"{start:%Y-%m-%dT%H:%M:%SZ}"}
    return urlencode(query | ({"before_id": before_id} if before_id else {}))


def read_page(answer: Mapping[str, Any]) -> Page:
    """The labels on a page. Raises Unreadable where it is no list of shipments."""
    rows = answer.get("shipments")
    if not isinstance(rows, list):
        raise Unreadable("a list without shipments")
    shipments = [mapping(row) for row in rows]
    purchases = tuple(found for row in shipments if (found := _purchase(row)))
    last = text(shipments[-1].get("id")) if shipments else ""
    if answer.get("has_more") and not last:
        raise Unreadable("a list that continues after a shipment without an id")
    return Page(purchases, last if answer.get("has_more") else "")


def _purchase(row: Mapping[str, Any]) -> ListedPurchase | None:
    """The purchase of a shipment; None for one that was not bought, or has no reference."""
    selected, label = mapping(row.get("selected_rate")), mapping(row.get("postage_label"))
    number, reference, shipment_id = (text(row.get(name)) for name in ("tracking_code", "reference", "id"))
    if not reference or not shipment_id or not (selected or label or number):
        return None
    price = money(selected.get("rate"), selected.get("currency"))
    rate = Rate(text(selected.get("id")), text(selected.get("carrier")), text(selected.get("service")), price)
    at = _moment(text(label.get("created_at")) or text(row.get("updated_at")) or text(row.get("created_at")))
    return ListedPurchase(reference, shipment_id, number, at, rate, _parcel(mapping(row.get("parcel"))))


def _parcel(row: Mapping[str, Any]) -> Parcel | None:
    sizes = [row.get(name) for name in ("weight", "length", "width", "height")]
    if not all(isinstance(size, int | float) and size > 0 for size in sizes):
        return None
    weight, *lengths = (float(size) for size in sizes if size is not None)
    length, width, height = (max(1, round(one * _MM)) for one in lengths)
    return Parcel(max(1, round(weight * _GRAMS)), length, width, height)


def _moment(written: str) -> float:
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        return 0.0
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
