"""Checks of failing calls: a call without effect is NotBought, a call with an unknown effect is Unknown."""

from __future__ import annotations

from packhouse.errors import ProviderError, ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from packhouse.providers.conformance.subject import (
    AFTER_EFFECT,
    WITHOUT_EFFECT,
    Fault,
    NotConforming,
    Subject,
    bought_label,
    expect,
    prepared_purchase,
)
from packhouse.providers.port import Bought, NotBought, Safety, Unknown, Whose


async def a_fault_without_effect_is_known_as_not_bought(subject: Subject) -> None:
    """A fault that ends by itself is transient, and the next purchase works."""
    for sold, fault in enumerate(fault for fault in WITHOUT_EFFECT if fault in subject.faults):
        purchase = await prepared_purchase(subject, f"conform-{sold}/1/1")
        subject.faults[fault]()
        outcome = await subject.provider.buy(purchase)
        if not isinstance(outcome, NotBought):
            raise NotConforming(f"{fault} is known as NotBought, not {outcome}")
        expect(bool(outcome.reason), f"{fault} has a reason")
        if fault is not Fault.REFUSED:
            expect(outcome.whose is not Whose.ORDER, f"{fault} is not caused by the order")
        subject.expect_no_secret(outcome.reason)
        subject.expect_sold(sold, f"after {fault}")
        await bought_label(subject, purchase)


async def a_fault_after_the_effect_is_unknown_until_looked_up(subject: Subject) -> None:
    """The response is lost, but the label exists: a look-up finds it, and no second label is sold."""
    for sold, fault in enumerate((fault for fault in AFTER_EFFECT if fault in subject.faults), 1):
        purchase = await prepared_purchase(subject, f"conform-{sold}/1/1")
        subject.faults[fault]()
        outcome = await subject.provider.buy(purchase)
        if not isinstance(outcome, Unknown):
            raise NotConforming(f"{fault} leaves the purchase Unknown, not {outcome}")
        expect(bool(outcome.reason), f"{fault} has a reason")
        subject.expect_no_secret(outcome.reason)
        subject.expect_sold(sold, f"after {fault}")
        found = await subject.provider.lookup(purchase)
        if subject.provider.safety is Safety.BLIND:
            expect(isinstance(found, Unknown), f"a BLIND adapter's look-up answers Unknown, not {found}")
        else:
            expect(isinstance(found, Bought), f"after {fault} a look-up finds the label, not {found}")
        subject.expect_sold(sold, f"after {fault} and a look-up")


async def a_failing_look_up_is_unknown(subject: Subject) -> None:
    """A look-up without a response is Unknown. A BLIND adapter has no look-up."""
    if subject.provider.safety is Safety.BLIND:
        return
    for number, fault in enumerate((*WITHOUT_EFFECT, *AFTER_EFFECT)):
        if fault not in subject.faults or fault is Fault.REFUSED:
            continue
        purchase = await prepared_purchase(subject, f"conform-{number}/1/1")
        await bought_label(subject, purchase)
        subject.faults[fault]()
        found = await subject.provider.lookup(purchase)
        expect(isinstance(found, Unknown), f"a look-up with {fault} answers Unknown, not {found}")


async def a_failing_preparation_raises_the_error_of_its_cause(subject: Subject) -> None:
    """ProviderRefused, ProviderMisconfigured, or else ProviderUnavailable."""
    if not subject.preparing_calls:
        return
    kinds = {Fault.REFUSED: ProviderRefused, Fault.BAD_CREDENTIALS: ProviderMisconfigured}
    for fault, strike in subject.faults.items():
        strike()
        try:
            prepared = await subject.provider.prepare(subject.request("conform/1/1"))
        except ProviderError as error:
            expect(
                isinstance(error, kinds.get(fault, ProviderUnavailable)),
                f"{fault} is a {type(error).__name__}",
            )
            subject.expect_no_secret(str(error))
        else:
            raise NotConforming(
                f"a preparation with {fault} raises a ProviderError, and does not return {prepared}"
            )


async def it_keeps_its_secrets(subject: Subject) -> None:
    """The adapter's text shows no secret."""
    subject.expect_no_secret(f"{subject.provider!r} {subject.provider}")
