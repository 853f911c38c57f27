"""The contract of the provider port as checks that the author of any adapter can run.

A check is an async function of a `Subject` and raises NotConforming. It needs no test framework; with pytest:

    @pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
    def test_my_provider_conforms(check):
        asyncio.run(conformance.examine(check, make_subject))

Run it against a test double or a test account: it buys labels.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from packhouse.errors import ProviderError
from packhouse.providers.conformance.failures import (
    a_failing_look_up_is_unknown,
    a_failing_preparation_raises_the_error_of_its_cause,
    a_fault_after_the_effect_is_unknown_until_looked_up,
    a_fault_without_effect_is_known_as_not_bought,
    it_keeps_its_secrets,
)
from packhouse.providers.conformance.purchases import (
    a_look_up_finds_what_was_bought,
    a_look_up_invents_no_purchase,
    a_new_generation_gets_a_new_label,
    buying_again_never_pays_again,
    buying_gives_a_label,
    closing_may_be_repeated,
    it_has_a_kind_an_account_and_a_safety_class,
    many_may_buy_at_once,
    preparing_is_free_and_may_be_repeated,
    racing_purchases_pay_once,
    the_label_has_a_file,
    tracking_speaks_our_vocabulary,
    voiding_may_be_repeated,
)
from packhouse.providers.conformance.subject import Fault, NotConforming, Subject, sample_request

__all__ = ["CHECKS", "Check", "Fault", "NotConforming", "Subject", "examine", "examine_all", "sample_request"]

Check = Callable[[Subject], Awaitable[None]]

CHECKS: tuple[Check, ...] = (
    it_has_a_kind_an_account_and_a_safety_class,
    preparing_is_free_and_may_be_repeated,
    buying_gives_a_label,
    many_may_buy_at_once,
    a_new_generation_gets_a_new_label,
    the_label_has_a_file,
    buying_again_never_pays_again,
    racing_purchases_pay_once,
    a_look_up_finds_what_was_bought,
    a_look_up_invents_no_purchase,
    voiding_may_be_repeated,
    tracking_speaks_our_vocabulary,
    closing_may_be_repeated,
    a_fault_without_effect_is_known_as_not_bought,
    a_fault_after_the_effect_is_unknown_until_looked_up,
    a_failing_look_up_is_unknown,
    a_failing_preparation_raises_the_error_of_its_cause,
    it_keeps_its_secrets,
)


async def examine(check: Check, make_subject: Callable[[], Subject]) -> None:
    """Run one check on a fresh subject, and close it. Raises NotConforming."""
    subject = make_subject()
    try:
        await check(subject)
    finally:
        await subject.provider.aclose()


async def examine_all(make_subject: Callable[[], Subject]) -> dict[str, str]:
    """Run every check. Returns each check's name with "" or the reason why it fails."""
    results = {}
    for check in CHECKS:
        try:
            await examine(check, make_subject)
            results[check.__name__] = ""
        except (NotConforming, ProviderError) as error:
            results[check.__name__] = f"{type(error).__name__}: {error}"
    return results
