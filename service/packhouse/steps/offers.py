"""Offers for a shipment: the rates of all provider accounts that sell, side by side.

An account that fails, or whose circuit breaker is open, is a remark as long as another account offers a rate.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from packhouse.config.sections import RateSettings
from packhouse.errors import ProviderError, ProviderMisconfigured, ProviderRefused
from packhouse.model.account import Whose
from packhouse.model.hold import HoldCode
from packhouse.model.hold_kind import EVERY_ACCOUNT
from packhouse.model.shipment import Shipment
from packhouse.providers.port import Prepared, Provider, PurchaseRequest
from packhouse.rules import rates
from packhouse.rules.rates import Offer
from packhouse.rules.shipping_options import choice_of, rates_for
from packhouse.steps import accounts, purchase
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.unasked import wait_for_answer


@dataclass(slots=True)
class _Answers:
    """What the accounts answered.

    `missing` says why an account made no offer; `remarks` are the notes of the others. Both are by account.
    `is_prepared`: an account took the request, so that only its rates stand in the way.
    `failed` are the errors that another try may overcome. `rules` decide between the offers.
    """

    rules: RateSettings
    is_prepared: bool = False
    offers: list[Offer] = field(default_factory=list)
    remarks: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    failed: dict[str, ProviderError] = field(default_factory=dict)
    broken: list[Exception] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Found:
    """The offer to buy, and a remark on the accounts that made none.

    `is_new`: it was prepared just now, so nothing was ever bought under it. `is_other_choice`: the rules that
    chose the offer of an earlier try have changed, for example by the buyer, so its price binds no longer.
    """

    offer: Offer
    remark: str
    is_new: bool
    is_other_choice: bool = False


async def find_offer(
    context: Context, job: OrderJob, shipment: Shipment, request: PurchaseRequest
) -> Found | None:
    """The offer to buy.

    A purchase that was prepared in an earlier try stays with its account: its provider refuses to sell it
    twice, but another account would sell a second label. It is prepared again there if the buyer or the shop
    has changed what is wanted. None if no account has an allowed rate; the order is then held, waits, or is
    tried again.
    """
    settings = context.settings
    answers = _Answers(rates_for(choice_of(request.order, settings.shipping_options), settings.rates))
    is_prepared = bool(shipment.rate and shipment.provider_ref)
    earlier = [one for one in context.sellers if is_prepared and one.account == shipment.provider]
    answers.missing |= {one.account: one.sentence for one in job.unasked}
    asked = [one for one in earlier or context.sellers if one.account not in answers.missing]
    sellers = [one for one in asked if not _must_wait(context, one, answers)]
    wanted = rates.described(answers.rules)
    is_other_choice = bool(earlier and shipment.rate and shipment.rate.chosen_by not in ("", wanted))
    if earlier and sellers and shipment.rate and not is_other_choice:
        return Found(Offer(shipment.provider, shipment.provider_ref, shipment.rate), "", is_new=False)
    results = await asyncio.gather(*(one.prepare(request) for one in sellers), return_exceptions=True)
    for seller, result in zip(sellers, results, strict=True):
        _add(context, seller, result, answers)
    offer = rates.choose(answers.offers, answers.rules, settings.guard.currency)
    for seller in sellers:
        if seller.account not in answers.failed and (offer is None or seller.account != offer.account):
            context.breaker.not_tried(seller.account, context.clock.monotonic())
    if offer is None and job.unasked and not answers.failed:
        wait_for_answer(context, job)
        return None
    if offer is None:
        await _explain(context, job, shipment, answers)
        return None
    offer = replace(offer, rate=replace(offer.rate, chosen_by=wanted))
    return Found(offer, _list(answers.missing), is_new=True, is_other_choice=is_other_choice)


def _must_wait(context: Context, seller: Provider, answers: _Answers) -> bool:
    if not context.breaker.wait_s(seller.account, context.clock.monotonic()):
        return False
    if state := context.breaker.state(seller.account, context.clock):
        answers.missing[seller.account] = state.why
    return True


def _add(context: Context, seller: Provider, result: Prepared | BaseException, answers: _Answers) -> None:
    account = seller.account
    match result:
        case Prepared():
            _add_rates(context, account, result, answers)
        case ProviderRefused():
            answers.missing[account] = str(result)
        case ProviderError():
            whose = Whose.ACCOUNT if isinstance(result, ProviderMisconfigured) else Whose.MOMENT
            answers.missing[account] = str(result)
            answers.failed[account] = result
            accounts.count_refusal(context, account, whose, str(result), result.retry_after_s)
        case Exception() if len(context.sellers) > 1:
            # An error in one adapter must not stop the others.
            context.log.error("adapter_failed", provider=account, error=repr(result))
            answers.missing[account] = f"the adapter failed: {result!r}"
            answers.broken.append(result)
        case _:
            raise result


def _add_rates(context: Context, account: str, prepared: Prepared, answers: _Answers) -> None:
    """Add an account's rates as offers. A price of 0.00 is none: most often it means that none is known."""
    answers.is_prepared = True
    is_free = context.settings.has_free_rates(account)
    unpriced = [one for one in prepared.rates if one.price and one.price.minor <= 0 and not is_free]
    offered = [one for one in prepared.rates if one not in unpriced]
    answers.offers += [Offer(account, prepared.provider_ref, rate) for rate in offered]
    remarks = list(prepared.messages)
    if why := rates.not_chosen(offered, answers.rules, context.settings.guard.currency):
        remarks.append(why)
    if unpriced:
        names = ", ".join(sorted(f"{rate.carrier}/{rate.service}" for rate in unpriced))
        left_out = f"a price of 0.00 counts as none, so this is left out: {names}"
        remarks.append(f"{left_out}. If it is free, set providers.{account}.free_rates = true")
        context.log.info("rates_without_price", provider=account, services=names)
    answers.remarks[account] = " ".join(f"{one.rstrip('.')}." for one in remarks if one.strip())


async def _explain(context: Context, job: OrderJob, shipment: Shipment, answers: _Answers) -> None:
    """Say why there is no offer: a later try may help if an account failed or waits, else it is held."""
    reasons = answers.missing | answers.remarks
    single = len(context.sellers) == 1
    states = (context.breaker.state(one.account, context.clock) for one in context.sellers)
    resting = [state for state in states if state]
    resting_names = {state.account for state in resting}
    failed = {account: error for account, error in answers.failed.items() if account not in resting_names}
    if failed:
        first = next(iter(failed.values()))
        waits = [error.retry_after_s for error in failed.values() if error.retry_after_s is not None]
        why = str(first) if single else _list(reasons)
        job.failed(why, min(waits, default=None), type(first).__name__)
    elif waiting := [state for state in resting if state.account in answers.missing]:
        others = {account: reason for account, reason in reasons.items() if account not in resting_names}
        sentences = [state.sentence for state in waiting] + ([f"{_list(others)}."] if others else [])
        tried = any(state.account in answers.failed for state in waiting)
        accounts.wait_for(context, job, waiting, " ".join(sentences), tried=tried)
    elif answers.broken:
        raise answers.broken[0]
    else:
        code = HoldCode.NO_RATE if answers.is_prepared else HoldCode.PROVIDER_REFUSED
        note = _list(reasons) if single else f"{EVERY_ACCOUNT}: {_list(reasons)}"
        await purchase.hold_for_requote(context, job, shipment, code, note[:500])


def _list(reasons: dict[str, str]) -> str:
    return "; ".join(f"{account}: {reason.rstrip('.')}".strip() for account, reason in reasons.items())
