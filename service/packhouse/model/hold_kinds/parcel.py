"""Kinds of holds for a label that is bought: posting it, voiding it, and the parcel on its way."""

from __future__ import annotations

from packhouse.model.hold_kind import Advice, End, Fact, HoldCode, HoldKind
from packhouse.model.hold_kinds.terms import ALL, BY_NONE, BY_RELEASE, BY_SHIP, CONTENT, RELEASE, WAIT

KINDS = (
    HoldKind(
        HoldCode.STORE_REFUSED,
        "The label is bought, and the store refused the fulfillment",
        "Correct the order in the store, then release the hold to post it again.",
        blocks=ALL,
        ends=(End.RELEASE,),
        waivable=BY_SHIP,
        rests_on=CONTENT,
        advice=(Advice("Correct the order in the store, then post the fulfillment again", RELEASE),),
    ),
    HoldKind(
        HoldCode.ORDER_CHANGED,
        "The order changed after its parcel was sent, or may have been sent",
        "Stop the parcel or inform the buyer, then release the hold; an unposted label is voided.",
        blocks=ALL,
        ends=(End.RELEASE,),
        waivable=BY_NONE,
        rests_on=CONTENT | {Fact.STATUS},
        advice=(Advice("Stop the parcel or inform the buyer; a release voids an unposted label", RELEASE),),
    ),
    HoldKind(
        HoldCode.VOID_REFUSED,
        "{provider} refused to void the label",
        "Ask the provider's support for the money, or release the hold to request the void again.",
        blocks=ALL,
        ends=(End.RELEASE,),
        waivable=BY_RELEASE,
        rests_on=CONTENT,
        advice=(Advice("Request the void again; units that still ship get a new label", RELEASE),),
        release_frees_units=True,
    ),
    HoldKind(
        HoldCode.VOID_PENDING,
        "The void of a label is not complete, and the order waits for it",
        "Wait, or release the hold to buy a new label now.",
        blocks=ALL,
        ends=(End.VOID_COMPLETE, End.ORDER_STOPS, End.RELEASE),
        waivable=BY_RELEASE,
        rests_on=CONTENT,
        advice=(WAIT, Advice("Buy a new label now", RELEASE)),
        release_frees_units=True,
    ),
    HoldKind(
        HoldCode.FULFILLMENT_MISSING,
        "The store accepted the fulfillment and does not show it",
        "Check the order in the store. If the parcel is on its way, release the hold.",
        blocks=ALL,
        ends=(End.AT_STORE, End.RELEASE),
        waivable=BY_NONE,
        rests_on=frozenset(),
        advice=(
            Advice("Wait until the store shows the fulfillment; Packhouse continues by itself"),
            Advice("If the order is correct in the store, close the matter", RELEASE),
        ),
    ),
)
