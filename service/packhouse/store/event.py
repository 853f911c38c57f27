"""Reads a signed body as an Event: its id, its type, and the order that it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packhouse.model.event import Event
from packhouse.model.text import decode_json
from packhouse.store.json_fields import is_id, mapping, optional_id, shape, text, without_mark

_LONGEST_TYPE = 100
_GZIP = b"\x1f\x8b"


class UnreadableEvent(ValueError):
    """A delivery's body is not an event of the store. The message says what is wrong and quotes nothing."""


def read_event(body: bytes) -> Event:
    """Read the body of a delivery whose signature is good. Raises UnreadableEvent.

    Only id and type are required; `data` is read only for an order id.
    """
    try:
        # A byte-order mark is signed with the body and means nothing.
        said = without_mark(body)
        raw = decode_json(said)
    except ValueError as error:
        what = "compressed (gzip)" if body.startswith(_GZIP) else "not JSON"
        raise UnreadableEvent(f"the body is {what} ({type(error).__name__}, {len(body)} bytes)") from None
    if not isinstance(raw, dict):
        raise UnreadableEvent(f"the body is {shape(raw)}, not an object")
    event_id, event_type = raw.get("id"), raw.get("type")
    if not is_id(event_id):
        raise UnreadableEvent(f"its id is {shape(event_id)} that cannot be an event's id")
    if not is_id(event_type) or len(event_type) > _LONGEST_TYPE:
        raise UnreadableEvent(f"its type is {shape(event_type)} that cannot be an event's type")
    return Event(
        id=event_id,
        type=event_type,
        order_id=_order_id(event_type, mapping(raw.get("data"))),
        site_slug=text(raw.get("site_slug")),
        body=said,
    )


def _order_id(event_type: str, data: Mapping[str, Any]) -> str:
    """The order that the event is about, wherever it is named; "" if nowhere."""
    order = data.get("order")
    return (
        optional_id(mapping(order).get("id") if isinstance(order, dict) else order)
        or optional_id(data.get("order_id"))
        or optional_id(mapping(data.get("checkout_session")).get("order_id"))
        or (optional_id(data.get("id")) if event_type.startswith("order.") else "")
    )
