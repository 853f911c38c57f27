"""Orders as a store may show them, each with the units that are owed: what ships, what is held, what ends.

The value after each order is the units that ship by line, the kinds of holds, "skipped" or "ended".
"""

from __future__ import annotations

from typing import Any

from packhouse.model.hold import HoldCode

NUMBER = "9400111202555582846137"
ADDRESS = {
    "name": "Kim Example",
    "line1": "10 Sample Street",
    "city": "San Francisco",
    "state": "CA",
    "postcode": "94110",
    "country": "US",
}
PARTLY = HoldCode.PARTLY_FULFILLED_UNCLEAR
REFUND = HoldCode.REFUND_UNCLEAR
STATUS = HoldCode.STATUS_UNKNOWN


def raw(units: int | dict[str, int], **more: Any) -> dict[str, Any]:
    """An order of so many units of li_1, or of several lines, each unit for 10.00."""
    ordered = {"li_1": units} if isinstance(units, int) else units
    total = 1000 * sum(ordered.values())
    items = [
        {"id": one, "product_id": "p", "name": "Mug", "quantity": count, "is_digital": False}
        for one, count in ordered.items()
    ]
    for item in items:
        item |= more.pop(f"{item['id']}_says", {})
    return {
        "id": "ord_1",
        "status": "pending",
        "currency": "USD",
        "totals": {"total": total},
        "items": items,
        "shipping_address": ADDRESS,
        **more,
    }


def parcel(quantity: int = 1, line: str = "li_1", **more: Any) -> dict[str, Any]:
    items = [{"line_item_id": line, "quantity": quantity}]
    return {"tracking_number": NUMBER, "carrier": "USPS", "items": items, **more}


def refund(quantity: int = 1, line: str = "li_1", **more: Any) -> dict[str, Any]:
    items = [{"line_item_id": line, "quantity": quantity}]
    return {"id": "re_1", "amount": 1000 * quantity, "status": "succeeded", "items": items, **more}


def back(quantity: int = 1, line: str = "li_1", status: str = "received") -> dict[str, Any]:
    return {"id": "ret_1", "status": status, "items": [{"line_item_id": line, "quantity": quantity}]}


PART = {"status": "partially_fulfilled"}

SHIPPED_THEN_REFUNDED = {
    "a shipped unit came back and was refunded": (
        raw(2, **PART, fulfillments=[parcel()], refunds=[refund()], returns=[back()]),
        {"li_1": 1},
    ),
    "the refund is marked as of a returned unit": (
        raw(2, **PART, fulfillments=[parcel()], refunds=[refund(restock_type="return")]),
        {"li_1": 1},
    ),
    "an item of the refund is marked as returned": (
        raw(
            2,
            **PART,
            fulfillments=[parcel()],
            refunds=[
                {
                    "amount": 1000,
                    "items": [{"line_item_id": "li_1", "quantity": 1, "restock_type": "return"}],
                }
            ],
        ),
        {"li_1": 1},
    ),
    "the refund names its return and no units": (
        raw(
            2,
            **PART,
            fulfillments=[parcel()],
            refunds=[{"amount": 1000, "return_id": "ret_1"}],
            returns=[back(status="approved")],
        ),
        {"li_1": 1},
    ),
    "two shipped units came back, one of them was refunded": (
        raw(3, **PART, fulfillments=[parcel(2)], refunds=[refund()], returns=[back(2)]),
        {"li_1": 1},
    ),
    "a shipped unit came back and two were refunded": (
        raw(3, **PART, fulfillments=[parcel()], refunds=[refund(2)], returns=[back()]),
        {"li_1": 1},
    ),
    "the refunded line has shipped, the other line is owed": (
        raw({"li_1": 1, "li_2": 1}, **PART, fulfillments=[parcel()], refunds=[refund()]),
        {"li_2": 1},
    ),
    "the return is only requested": (
        raw(2, **PART, fulfillments=[parcel()], refunds=[refund()], returns=[back(status="requested")]),
        [REFUND],
    ),
    "the return was rejected": (
        raw(2, **PART, fulfillments=[parcel()], refunds=[refund()], returns=[back(status="Rejected")]),
        [REFUND],
    ),
    "there is no return, so it may be either unit": (
        raw(2, **PART, fulfillments=[parcel()], refunds=[refund()]),
        [REFUND],
    ),
}
REFUNDED_UNSHIPPED = {
    "nothing has shipped": (raw(2, fulfillments=[], refunds=[refund()]), {"li_1": 1}),
    "the refund is marked as of a cancelled unit": (
        raw(2, **PART, fulfillments=[parcel()], refunds=[refund(restock_type="cancel")]),
        "skipped",
    ),
    "it was refunded before anything shipped": (
        raw(
            3,
            **PART,
            fulfillments=[parcel(created_at="2026-11-30T12:00:00Z")],
            refunds=[refund(created_at="2026-11-30T12:30:00+02:00")],
        ),
        {"li_1": 1},
    ),
    "it was refunded after something shipped": (
        raw(
            3,
            **PART,
            fulfillments=[parcel(created_at="2026-11-30T12:00:00Z")],
            refunds=[refund(created_at="2026-11-30T12:30:00Z")],
        ),
        [REFUND],
    ),
    "more units are refunded than have shipped": (
        raw(3, **PART, fulfillments=[parcel()], refunds=[refund(3)]),
        "skipped",
    ),
    "some of the refunded units cannot have shipped": (
        raw(3, **PART, fulfillments=[parcel()], refunds=[refund(2)]),
        [REFUND],
    ),
    "the id of the line is in id": (
        raw(2, fulfillments=[], refunds=[{"amount": 1000, "items": [{"id": "li_1", "quantity": 1}]}]),
        {"li_1": 1},
    ),
    "the quantity is absent": (
        raw(2, fulfillments=[], refunds=[{"amount": 1000, "items": [{"line_item_id": "li_1"}]}]),
        [REFUND],
    ),
    "money without units": (raw(2, fulfillments=[], refunds=[{"amount": 500}]), [REFUND]),
    "money for shipping": (
        raw(2, fulfillments=[], refunds=[{"amount": 500, "type": "shipping"}]),
        {"li_1": 2},
    ),
    "no money and no units": (raw(2, fulfillments=[], refunds=[{"amount": 0}]), {"li_1": 2}),
    "units without restock still ship, the store may mean": (
        raw(2, fulfillments=[], refunds=[refund(restock_type="no_restock")]),
        [REFUND],
    ),
    "a line that the order does not have": (
        raw(2, fulfillments=[], refunds=[refund(line="li_9")]),
        [PARTLY],
    ),
    "the line counts its refunded units": (
        raw(2, fulfillments=[], li_1_says={"refunded_quantity": 1}),
        {"li_1": 1},
    ),
}


def _refund_words(words: str, expected: Any) -> dict[str, Any]:
    return {f"a refund that is {w}": (raw(2, refunds=[refund(status=w)]), expected) for w in words.split(",")}


def _parcel_words(words: str, expected: Any) -> dict[str, Any]:
    return {
        f"a parcel that is {w}": (raw(2, fulfillments=[parcel(status=w)]), expected) for w in words.split(",")
    }


WORDS = {
    **_refund_words("failed,Failure,canceled,cancelled,rejected,declined,voided,error,expired", {"li_1": 2}),
    **_refund_words("succeeded,success,completed,Complete,processed,refunded,paid", {"li_1": 1}),
    **_refund_words("pending,processing,requested,requires_action,submitted,what is this", [REFUND]),
    **_parcel_words("cancelled,canceled,CANCELED,void,voided,failed,failure,error,rejected", {"li_1": 2}),
    **_parcel_words(
        "success,succeeded,fulfilled,shipped,delivered,in_transit,In Transit,complete", {"li_1": 1}
    ),
    **_parcel_words("pending,open,processing,scheduled,what is this", [PARTLY]),
    "a parcel with the time of its cancellation": (
        raw(2, fulfillments=[parcel(cancelled_at="2026-11-30T12:00:00Z")]),
        {"li_1": 2},
    ),
    "a parcel with the flag voided": (raw(2, fulfillments=[parcel(voided=True)]), {"li_1": 2}),
    "a cancelled parcel next to a good one of the same number": (
        raw(3, **PART, fulfillments=[parcel(status="cancelled"), parcel(status="success")]),
        {"li_1": 2},
    ),
    "a cancelled parcel without units": (
        raw(1, fulfillments=[{"tracking_number": NUMBER, "status": "cancelled"}]),
        {"li_1": 1},
    ),
    "the order of the only parcel is still called fulfilled after its cancellation": (
        raw(1, status="fulfilled", fulfillments=[parcel(status="cancelled")]),
        [PARTLY],
    ),
    "partially fulfilled, and the only parcel was cancelled": (
        raw(2, **PART, fulfillments=[parcel(status="cancelled")]),
        [PARTLY],
    ),
    "the status of the order in another spelling": (raw(1, status="Canceled"), "ended"),
}
BOTH = {"li_1": 1, "li_2": 1}
ENDED_IN_PART = {
    "returned, and one line was never shipped": (
        raw(BOTH, status="returned", fulfillments=[parcel()], returns=[back()]),
        [PARTLY],
    ),
    "returned, and every unit had shipped": (
        raw(1, status="returned", fulfillments=[parcel()], returns=[back()]),
        "ended",
    ),
    "returned, and only the returns say what had shipped": (
        raw(2, status="returned", returns=[back(2)]),
        "ended",
    ),
    "returned, and the store says nothing of its units": (raw(1, status="returned"), [PARTLY]),
    "returned, the other line was refunded": (
        raw(
            BOTH, status="returned", fulfillments=[parcel()], returns=[back()], refunds=[refund(line="li_2")]
        ),
        "ended",
    ),
    "refunded in full": (
        raw(BOTH, status="refunded", fulfillments=[], refunds=[{"amount": 2000}]),
        "ended",
    ),
    "refunded in full by a sum": (raw(BOTH, status="refunded", amount_refunded=2000), "ended"),
    "refunded in two parts that make up the total": (
        raw(BOTH, status="refunded", refunds=[refund(), refund(line="li_2")]),
        "ended",
    ),
    "refunded, every unit of it": (
        raw(BOTH, status="refunded", refunds=[refund(amount=900), refund(line="li_2", amount=900)]),
        "ended",
    ),
    "refunded, one line of two": (
        raw(BOTH, status="refunded", fulfillments=[], refunds=[refund()]),
        [REFUND],
    ),
    "refunded, a part of the money": (
        raw(BOTH, status="refunded", fulfillments=[], refunds=[{"amount": 500}]),
        [REFUND],
    ),
    "refunded, and the refund failed": (
        raw(1, status="refunded", fulfillments=[], refunds=[refund(status="failed")]),
        [REFUND],
    ),
    "refunded, and the store does not say how much": (raw(1, status="refunded"), [REFUND]),
    "refunded after every unit had shipped": (
        raw(1, status="refunded", fulfillments=[parcel()], refunds=[{"amount": 500}]),
        "ended",
    ),
    "partially refunded is no status that is known": (raw(1, status="partially_refunded"), [STATUS]),
}
RETURNS = {
    "a return of a unit that no fulfillment shows": (
        raw(2, fulfillments=[], returns=[back(status="requested")]),
        [PARTLY],
    ),
    "a rejected return of it": (raw(2, fulfillments=[], returns=[back(status="declined")]), {"li_1": 2}),
    "an exchange of a unit that has not shipped": (
        raw(1, fulfillments=[], exchanges=[back(status="approved")]),
        [PARTLY],
    ),
    "an exchange of a unit that has shipped": (
        raw(2, **PART, fulfillments=[parcel()], exchanges=[back(status="approved")]),
        {"li_1": 1},
    ),
    "a returned unit is a shipped one where the store shows nothing else": (
        raw(2, returns=[back()]),
        {"li_1": 1},
    ),
}
COUNT_NAMES = (
    "fulfilled_quantity,quantity_fulfilled,shipped_quantity,quantity_shipped,fulfillment_quantity,"
    "fulfilledQuantity,quantityShipped,qty_shipped,fulfilled,shipped"
)
OPEN_NAMES = (
    "unfulfilled_quantity,remaining_quantity,fulfillable_quantity,quantity_remaining,remainingQuantity"
)
COUNTS = {
    **{f"{n} says 1": (raw(3, **PART, li_1_says={n: 1}), {"li_1": 2}) for n in COUNT_NAMES.split(",")},
    **{f"{n} says 2": (raw(3, **PART, li_1_says={n: 2}), {"li_1": 2}) for n in OPEN_NAMES.split(",")},
    **{
        f"a count that is written {count!r}": (
            raw(3, **PART, li_1_says={"shipped_quantity": count}),
            {"li_1": 2},
        )
        for count in ("1", " 1 ", "1.0", 1.0)
    },
    "pending, and a count in text says that some have shipped": (
        raw(2, li_1_says={"fulfilled_quantity": "1"}),
        {"li_1": 1},
    ),
    "a count in an object": (raw(3, **PART, li_1_says={"fulfilled": {"quantity": 1}}), {"li_1": 2}),
    "every line counts, in its own words": (
        raw(
            {"li_1": 1, "li_2": 2, "li_3": 1},
            **PART,
            li_1_says={"fulfillment_status": "fulfilled"},
            li_2_says={"fulfillment_status": "partial", "fulfilled_quantity": 1},
            li_3_says={"fulfillment_status": "unfulfilled"},
        ),
        {"li_2": 1, "li_3": 1},
    ),
    "a line is partly shipped, without a number": (
        raw(3, **PART, li_1_says={"fulfillment_status": "partial"}),
        [PARTLY],
    ),
    "one line counts and the other does not": (
        raw(BOTH, **PART, li_1_says={"shipped_quantity": 1}),
        [PARTLY],
    ),
    "everything is counted as shipped": (raw(2, li_1_says={"shipped_quantity": 2}), "skipped"),
    "fulfilled, and the count leaves a unit": (
        raw(2, status="fulfilled", li_1_says={"shipped_quantity": 1}),
        [PARTLY],
    ),
    "partially fulfilled, and every count is 0": (
        raw(2, **PART, li_1_says={"shipped_quantity": 0}),
        [PARTLY],
    ),
    "the count agrees with the fulfillments": (
        raw(3, **PART, fulfillments=[parcel()], li_1_says={"shipped_quantity": 1, "remaining_quantity": 2}),
        {"li_1": 2},
    ),
    "the count says more than the fulfillments": (
        raw(3, **PART, fulfillments=[parcel()], li_1_says={"shipped_quantity": 2}),
        [PARTLY],
    ),
    "the count says fewer than the fulfillments": (
        raw(1, status="fulfilled", fulfillments=[parcel()], li_1_says={"shipped_quantity": 0}),
        [PARTLY],
    ),
    "the count says that nothing is left, the fulfillments that a unit is": (
        raw(2, **PART, fulfillments=[parcel()], li_1_says={"remaining_quantity": 0}),
        [PARTLY],
    ),
    "two counts of one line disagree": (
        raw(3, **PART, li_1_says={"fulfilled_quantity": 2, "shipped_quantity": 1}),
        [PARTLY],
    ),
    "the count says which of a fulfillment without units": (
        raw(3, **PART, fulfillments=[{"tracking_number": NUMBER}], li_1_says={"shipped_quantity": 1}),
        {"li_1": 2},
    ),
    "what remains explains that the refund was of the unshipped unit": (
        raw(2, **PART, fulfillments=[parcel()], refunds=[refund()], li_1_says={"remaining_quantity": 0}),
        "skipped",
    ),
    "a date in the place of a count is no count": (
        raw(2, fulfillments=[parcel()], li_1_says={"shipped": "2026-11-30"}),
        {"li_1": 1},
    ),
    "fulfillments under each line": (
        raw(3, **PART, li_1_says={"fulfillments": [{"quantity": 1, "tracking_number": NUMBER}]}),
        {"li_1": 2},
    ),
}
ALL = {**SHIPPED_THEN_REFUNDED, **REFUNDED_UNSHIPPED, **WORDS, **ENDED_IN_PART, **RETURNS, **COUNTS}
