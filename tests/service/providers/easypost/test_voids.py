"""Voids: requested, followed, repeated, and found at a look-up."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from packhouse.errors import ProviderUnavailable
from packhouse.http import httpx
from packhouse.providers.conformance import Fault
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.port import (
    Bought,
    Voided,
    VoidPending,
    VoidRefused,
    Withdrawn,
)
from tests.service.providers.context import kept
from tests.service.providers.easypost.fake import FakeEasyPost, error
from tests.service.providers.easypost.play import bought, play, prepared


def test_a_void_is_requested_once_and_then_checked() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        sold = await bought(provider)
        assert isinstance(await provider.void(kept("easypost", sold)), VoidPending)
        shipment = fake.shipments[sold.provider_id]
        for word, kind in (("submitted", VoidPending), ("refunded", Voided), ("rejected", VoidRefused)):
            shipment["refund_status"] = word
            assert isinstance(await provider.void(kept("easypost", sold, void_requested_at=1.0)), kind)
        asked = [request for request in fake.requests if request.url.path.endswith("/refund")]
        assert len(asked) == 1

    play(story)


@pytest.mark.parametrize("shown", [{"refund_status": None}, {"refund_status": ""}, {}])
def test_a_void_of_which_nothing_is_shown_is_not_complete(shown: dict[str, object]) -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        sold = await bought(provider)
        shipment = {**fake.shipments[sold.provider_id], **shown}
        if not shown:
            del shipment["refund_status"]
        for requested_at in (None, 1.0):
            fake.fail_next(lambda request: httpx.Response(200, json=shipment))
            if requested_at:
                fake.fail_next(lambda request: httpx.Response(200, json=shipment))
            answer = await provider.void(kept("easypost", sold, void_requested_at=requested_at))
            assert isinstance(answer, VoidPending)

    play(story)


def test_a_void_whose_request_was_lost_is_requested_again() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        sold = await bought(provider)
        assert isinstance(await provider.void(kept("easypost", sold, void_requested_at=1.0)), VoidPending)
        assert fake.shipments[sold.provider_id]["refund_status"] == "submitted"

    play(story)


def test_a_refused_void_has_a_reason_unless_it_is_already_pending() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        return error(422, "SHIPMENT.REFUND.UNAVAILABLE", "Cannot refund.", ["Too old."])

    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        sold = await bought(provider)
        fake.fail_next(refuse)
        outcome = await provider.void(kept("easypost", sold))
        assert isinstance(outcome, VoidRefused)
        assert "Too old." in outcome.reason
        fake.shipments[sold.provider_id]["refund_status"] = "refunded"
        fake.fail_next(refuse)
        assert await provider.void(kept("easypost", sold)) == Voided()
        fake.fail_next(Fault.ERROR_AFTER_EFFECT)
        with pytest.raises(ProviderUnavailable):
            await provider.void(kept("easypost", sold))

    play(story)


def test_a_void_that_was_rejected_soon_after_the_purchase_is_requested_again() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        sold = await bought(provider)
        shipment = fake.shipments[sold.provider_id]
        now = time.time()
        recent = replace(kept("easypost", sold, void_requested_at=now - 60), bought_at=now - 120)
        shipment["refund_status"] = "rejected"
        assert await provider.void(recent) == VoidRefused("The carrier rejected the void.", final=False)
        assert fake.requests[-1].url.path.endswith("/refund"), "it asks again"
        fake.accepts_again = True
        assert isinstance(await provider.void(recent), VoidPending)
        requests = len(fake.requests)
        shipment["refund_status"] = "rejected"
        old = replace(recent, bought_at=now - 31 * 86_400)
        outcome = await provider.void(old)
        assert isinstance(outcome, VoidRefused)
        assert outcome.final
        assert len(fake.requests) == requests + 1, "it only reads the state"
        assert isinstance(await provider.void(replace(old, void_again=True)), VoidPending)
        assert fake.requests[-1].url.path.endswith("/refund"), "an operator wants it asked again"

    play(story)


def test_a_void_of_a_label_that_is_billed_when_scanned_is_complete() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        sold = await bought(provider)
        fake.shipments[sold.provider_id]["refund_status"] = "not_applicable"
        for requested_at in (None, 1.0):
            label = kept("easypost", sold, void_requested_at=requested_at)
            assert await provider.void(label) == Voided(charged_only_if_used=True)

    play(story)


def test_a_label_that_was_voided_before_the_look_up_is_withdrawn() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        purchase = await prepared(provider)
        sold = await provider.buy(purchase)
        assert isinstance(sold, Bought)
        fake.shipments[sold.provider_id]["refund_status"] = "refunded"
        found = Withdrawn(sold.tracking_number, Voided(), sold.provider_id, sold.cost)
        assert await provider.lookup(purchase) == found
        assert sold.cost

    play(story)
