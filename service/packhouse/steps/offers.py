"""Offers for a shipment: the rates of all accounts that sell, side by side.

An account that fails, or whose circuit breaker is open, is a remark as long as another account offers a rate.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from packhouse.errors import ProviderError, ProviderRefused
from packhouse.model.hold import HoldCode
from packhouse.model.shipment import Shipment
from packhouse.providers.port import Prepared, Provider, PurchaseRequest
from packhouse.rules import rates
from packhouse.rules.rates import Offer
from packhouse.steps import purchase
from packhouse.steps.context import Context, OrderJob


@dataclass(slots=True)
class _Answers:
    """What the accounts answered.

    `remarks` come with rates, `missing` says why an account made no offer, `waits` are the seconds until an
    account with an open breaker may be asked.
    """

    prepared: int = 0
    offers: list[Offer] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    failed: list[ProviderError] = field(default_factory=list)
    broken: list[Exception] = field(default_factory=list)


async def find_offer(
    context: Context, job: OrderJob, shipment: Shipment, request: PurchaseRequest
) -> tuple[Offer, str] | None:
    """The offer to buy, and a remark on the accounts that made none.

    A purchase that was prepared in an earlier try stays with its account: the provider refuses to sell it
    twice, but another account would sell a second label. None if no account has an allowed rate; the order is
    then held, waits, or is tried again.
    """
    answers = _Answers()
    earlier = [
        one
        for one in context.sellers
        if shipment.rate and shipment.provider_ref and one.account == shipment.provider
    ]
    sellers = [one for one in earlier or context.sellers if not _must_wait(context, one, answers)]
    if earlier and sellers and shipment.rate:
        return Offer(shipment.provider, shipment.provider_ref, shipment.rate), ""
    results = await asyncio.gather(*(one.prepare(request) for one in sellers), return_exceptions=True)
    for seller, result in zip(sellers, results, strict=True):
        _sort(context, seller, result, answers)
    settings = context.settings
    offer = rates.choose(answers.offers, settings.rates, settings.guard.currency)
    for account in {one.account for one in answers.offers}:
        if offer is None or account != offer.account:
            context.breaker.not_tried(account, context.clock.monotonic())
    if offer is None:
        await _explain(context, job, shipment, answers)
        return None
    return offer, " ".join(answers.missing)


def _must_wait(context: Context, seller: Provider, answers: _Answers) -> bool:
    wait_s = context.breaker.wait_s(seller.account, context.clock.monotonic())
    if wait_s:
        answers.waits.append(wait_s)
        answers.missing.append(f"The circuit breaker of {seller.account} is open after repeated refusals.")
    return bool(wait_s)


def _sort(context: Context, seller: Provider, result: Prepared | BaseException, answers: _Answers) -> None:
    several = len(context.sellers) > 1
    name = f"{seller.account}: " if several else ""
    match result:
        case Prepared():
            answers.prepared += 1
            answers.offers += [Offer(seller.account, result.provider_ref, rate) for rate in result.rates]
            answers.remarks += [f"{name}{message}" for message in result.messages]
            return
        case ProviderRefused():
            pass
        case ProviderError():
            answers.failed.append(result)
        case Exception() if several:
            # An error in one adapter must not stop the others.
            context.log.error("adapter_failed", provider=seller.account, error=repr(result))
            answers.broken.append(result)
        case _:
            raise result
    answers.missing.append(f"{name}{result}" if isinstance(result, ProviderError) else f"{name}{result!r}")
    purchase.count_refusal(context, seller.account)


async def _explain(context: Context, job: OrderJob, shipment: Shipment, answers: _Answers) -> None:
    """Say why there is no offer. A later try may help if an account failed or waits; else a person must."""
    not_allowed = sorted({f"{one.rate.carrier}/{one.rate.service}" for one in answers.offers})
    remarks = [*answers.missing, *answers.remarks]
    if not_allowed:
        remarks.append(f"Offered, but not allowed: {', '.join(not_allowed)}.")
    why = " ".join(remarks)[:500]
    if answers.failed:
        waits = [error.retry_after_s for error in answers.failed if error.retry_after_s is not None]
        job.failed(why, min(waits, default=None), type(answers.failed[0]).__name__)
    elif answers.waits:
        job.defer(context.clock.now() + min(answers.waits), why)
    elif answers.broken:
        raise answers.broken[0]
    else:
        code = HoldCode.NO_RATE if answers.prepared else HoldCode.PROVIDER_REFUSED
        await purchase.hold_for_requote(context, job, shipment, code, why)
