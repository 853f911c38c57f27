"""What a 2xx answer to a change says. Not every 2xx is the store's: proxies and login pages answer 200 too.

Only JSON counts, or an empty body: the store's answers to changes are not documented. An answer that denies
the change, or cannot be the store's, proves nothing, so the order is read before anything is believed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from packhouse.errors import StoreUnreadable
from packhouse.store.json_fields import first_text, mapping, parse_json, text
from packhouse.store.requests import StoreRequest
from packhouse.store.responses import StoreResponse

_OF_AN_ORDER = re.compile(r"/merchant/orders/([^/]+)/")
# A field that only an order has, and no return, refund or fulfillment.
_ORDERS_OWN = "totals"
_WRAPPERS = ("order", "data", "fulfillment", "result")
_FAILED = frozenset({"error", "failed", "failure"})
_LISTS = ("fulfillments", "shipments")
_NUMBERS = ("tracking_number", "tracking")


def check_accepted(answer: StoreResponse, request: StoreRequest) -> None:
    """Return for a 2xx that may be the store's consent to this change.

    Raises StoreUnreadable for one that is no JSON, reports an error, or is about another order: whether the
    change took effect is unknown then.
    """
    if not request.changes or not answer.body.strip():
        return
    if why := _denial(answer, request):
        raise StoreUnreadable(
            f"The store's response to {request.action} is {answer.status}, but {why}. Whether it took effect "
            "is unknown: read the order again first. Check PACKHOUSE_STORE__URL, and what stands between.",
            status=answer.status,
        )


def shows_fulfillment(answer: StoreResponse, body: bytes) -> bool:
    """Whether an accepted answer to a fulfillment shows its tracking number, so that nothing need be read."""
    from packhouse.model.tracking_number import same_number

    try:
        value = parse_json(answer.body)
        number = text(json.loads(body).get("tracking_number"))
    except ValueError:
        return False
    return any(same_number(found, number) for found in _numbers(value))


def _denial(answer: StoreResponse, request: StoreRequest) -> str:
    """Why this answer is no consent of the store; "" if it may be one."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        return "it is compressed, and compression was not accepted"
    try:
        value = parse_json(answer.body)
    except ValueError:
        kind = answer.headers.get("content-type", "no content type")[:60]
        return f"it is no JSON ({len(answer.body)} bytes, {kind})"
    if not isinstance(value, Mapping):
        return ""
    if value.get("error") or value.get("errors") or value.get("success") is False or value.get("ok") is False:
        return "it reports an error"
    order = _OF_AN_ORDER.search(request.path)
    for part in _parts(value):
        if text(part.get("status")).lower() in _FAILED:
            return f"it has the status {text(part.get('status'))[:40]!r}"
        if order and (other := _other_order(part, unquote(order[1]), value)):
            return f"it is about order {other[:60]!r}"
    if request.call == "orders.fulfill" and (other := _other_number(value, request.body)):
        return f"it shows another tracking number, {other[:60]!r}"
    return ""


def _parts(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The object itself, and those that it wraps."""
    yield value
    yield from (mapping(value.get(name)) for name in _WRAPPERS)


def _other_order(part: Mapping[str, Any], order_id: str, whole: Mapping[str, Any]) -> str:
    """The id of another order that this object is, or belongs to; "" if there is none."""
    is_order = part is mapping(whole.get("order")) or _ORDERS_OWN in part
    named = [part.get("order_id"), part.get("id") if is_order else None]
    return next((one for one in named if isinstance(one, str) and one and one != order_id), "")


def _other_number(value: Mapping[str, Any], body: bytes | None) -> str:
    """The tracking number of a fulfillment that is not the one which was posted; "" if there is none."""
    from packhouse.model.tracking_number import same_number

    number = text(json.loads(body or b"{}").get("tracking_number"))
    shown = [found for part in _parts(value) if (found := first_text(part, _NUMBERS))]
    return "" if any(same_number(found, number) for found in shown) else "".join(shown[:1])


def _numbers(value: Any) -> Iterator[str]:
    """Every tracking number in an answer: of the object, of what it wraps, and of their lists."""
    if isinstance(value, list):
        rows = [row for row in value if isinstance(row, Mapping)]
    else:
        rows = []
        for part in _parts(mapping(value)):
            rows.append(part)
            for name in _LISTS:
                listed = part.get(name)
                rows += (
                    [row for row in listed if isinstance(row, Mapping)] if isinstance(listed, list) else []
                )
    yield from (number for row in rows if (number := first_text(row, _NUMBERS)))
