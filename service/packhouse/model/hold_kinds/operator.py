"""Kinds of holds that an operator, or a program of the shop, places."""

from __future__ import annotations

from packhouse.model.hold_kind import Advice, End, HoldCode, HoldKind, Stage
from packhouse.model.hold_kinds.terms import ALL, BY_BOTH, CONTENT, RELEASE, WAIT

KINDS = (
    HoldKind(
        HoldCode.MANUAL,
        "An operator placed this hold",
        "Release the hold to continue.",
        blocks=ALL,
        ends=(End.RELEASE,),
        waivable=BY_BOTH,
        rests_on=CONTENT,
        advice=(Advice("Continue", RELEASE),),
    ),
    HoldKind(
        HoldCode.VOID_REQUESTED,
        "An operator requested a void of this label",
        "Packhouse voids the label as soon as that is safe. Release the hold to keep the label.",
        blocks=ALL,
        ends=(End.VOID_BEGINS, End.RELEASE),
        waivable=BY_BOTH,
        rests_on=CONTENT,
        advice=(WAIT, Advice("Keep the label and ship it", RELEASE)),
    ),
    HoldKind(
        HoldCode.EXTERNAL_POSTING,
        "An external program will post this label",
        "Release the hold to let Packhouse post it.",
        blocks=frozenset({Stage.POSTING}),
        ends=(End.NOTHING_TO_POST, End.RELEASE),
        waivable=BY_BOTH,
        rests_on=CONTENT,
        advice=(Advice("Let Packhouse post the label", RELEASE),),
    ),
    HoldKind(
        HoldCode.TAKEN_OVER,
        "An operator has taken over this order",
        "Packhouse continues when the operation ends. If it was interrupted, release the hold.",
        blocks=ALL,
        ends=(End.NOTHING_TO_POST, End.RELEASE),
        waivable=BY_BOTH,
        rests_on=CONTENT,
        advice=(Advice("If the operation was interrupted, let Packhouse continue", RELEASE),),
    ),
)
