"""Offers for a shipment: the rates of all provider accounts that sell, side by side.

An account that fails, or whose circuit breaker is open, is a remark as long as another account offers a rate.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from packhouse.errors import ProviderError, ProviderRefused
from packhouse.model.hold import HoldCode
from packhouse.model.hold_kind import EVERY_ACCOUNT
from packhouse.model.shipment import Shipment
from packhouse.providers.port import Prepared, Provider, PurchaseRequest
from packhouse.rules import rates
from packhouse.rules.rates import Offer
from packhouse.rules.shipping_options import choice_of, rates_for
from packhouse.steps import purchase
from packhouse.steps.context import Context, OrderJob


@dataclass(slots=True)
class _Answers:
    """What the accounts answered.

    `missing` says why an account made no offer; `remarks` are the notes of the others. Both are by account.
    `waits` are the seconds until an account with an open breaker may be asked.
    """

    prepared: int = 0
    offers: list[Offer] = field(default_factory=list)
    remarks: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    failed: list[ProviderError] = field(default_factory=list)
    broken: list[Exception] = field(default_factory=list)


async def find_offer(
    context: Context, job: OrderJob, shipment: Shipment, request: PurchaseRequest
) -> tuple[Offer, str] | None:
    """The offer to buy, and a remark on the accounts that made none.

    A purchase that was prepared in an earlier try stays with its account: its provider refuses to sell it
    twice, but another account would sell a second label. None if no account has an allowed rate; the order is
    then held, waits, or is tried again.
    """
    answers = _Answers()
    is_prepared = bool(shipment.rate and shipment.provider_ref)
    earlier = [one for one in context.sellers if is_prepared and one.account == shipment.provider]
    sellers = [one for one in earlier or context.sellers if not _must_wait(context, one, answers)]
    if earlier and sellers and shipment.rate:
        return Offer(shipment.provider, shipment.provider_ref, shipment.rate), ""
    results = await asyncio.gather(*(one.prepare(request) for one in sellers), return_exceptions=True)
    for seller, result in zip(sellers, results, strict=True):
        _add(context, seller, result, answers)
    settings = context.settings
    rate_settings = rates_for(choice_of(request.order, settings.shipping_options), settings.rates)
    offer = rates.choose(answers.offers, rate_settings, settings.guard.currency)
    for account in {one.account for one in answers.offers}:
        if offer is None or account != offer.account:
            context.breaker.not_tried(account, context.clock.monotonic())
    if offer is None:
        await _explain(context, job, shipment, answers)
        return None
    return offer, _list(answers.missing)


def _must_wait(context: Context, seller: Provider, answers: _Answers) -> bool:
    wait_s = context.breaker.wait_s(seller.account, context.clock.monotonic())
    if wait_s:
        answers.waits.append(wait_s)
        answers.missing[seller.account] = "refused too often in a row and is tried again later"
    return bool(wait_s)


def _add(context: Context, seller: Provider, result: Prepared | BaseException, answers: _Answers) -> None:
    account = seller.account
    match result:
        case Prepared():
            answers.prepared += 1
            answers.offers += [Offer(account, result.provider_ref, rate) for rate in result.rates]
            offered = sorted({f"{rate.carrier}/{rate.service}" for rate in result.rates})
            not_allowed = [f"offered, but not allowed: {', '.join(offered)}"] if offered else []
            answers.remarks[account] = " ".join([*result.messages, *not_allowed])
            return
        case ProviderRefused():
            answers.missing[account] = str(result)
        case ProviderError():
            answers.missing[account] = str(result)
            answers.failed.append(result)
        case Exception() if len(context.sellers) > 1:
            # An error in one adapter must not stop the others.
            context.log.error("adapter_failed", provider=account, error=repr(result))
            answers.missing[account] = f"the adapter failed: {result!r}"
            answers.broken.append(result)
        case _:
            raise result
    purchase.count_refusal(context, account)


async def _explain(context: Context, job: OrderJob, shipment: Shipment, answers: _Answers) -> None:
    """Say why there is no offer: a later try may help if an account failed or waits, else it is held."""
    reasons = answers.missing | answers.remarks
    single = len(context.sellers) == 1
    if answers.failed:
        why = str(answers.failed[0]) if single else _list(reasons)
        waits = [error.retry_after_s for error in answers.failed if error.retry_after_s is not None]
        job.failed(why, min(waits, default=None), type(answers.failed[0]).__name__)
    elif answers.waits:
        why = _list(reasons)
        if len(reasons) == 1:
            why = why.replace(": ", " ", 1)
        job.defer(context.clock.now() + min(answers.waits), f"{why}.")
    elif answers.broken:
        raise answers.broken[0]
    else:
        code = HoldCode.NO_RATE if answers.prepared else HoldCode.PROVIDER_REFUSED
        note = _list(reasons) if single else f"{EVERY_ACCOUNT}: {_list(reasons)}"
        await purchase.hold_for_requote(context, job, shipment, code, note[:500])


def _list(reasons: dict[str, str]) -> str:
    return "; ".join(f"{account}: {reason.rstrip('.')}".strip() for account, reason in reasons.items())
