"""The EasyPost adapter's calls, against a small EasyPost in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from packhouse.errors import ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from packhouse.http import httpx
from packhouse.model.label import LabelFormat
from packhouse.providers.conformance import Fault
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.http import MAX_BYTES
from packhouse.providers.port import (
    Absent,
    NotBought,
    Purchase,
    TrackerState,
    Tracking,
    Unknown,
    Whose,
)
from tests.service.providers.context import Seen, kept
from tests.service.providers.easypost.fake import FILES, KEY, PDF, PNG, ZPL, FakeEasyPost, error
from tests.service.providers.easypost.play import bought, play, prepared
from tests.service.quick_loop import run_quickly, seconds


def test_a_purchase_is_two_calls_and_the_second_names_the_first_ones_id() -> None:
    seen = Seen()

    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        purchase = await prepared(provider)
        assert fake.sold() == 0
        await provider.buy(purchase)
        create, buy = fake.requests
        assert json.loads(create.content)["shipment"]["reference"] == "ord_1/1/1"
        assert buy.url.path == f"/v2/shipments/{purchase.provider_ref}/buy"
        assert json.loads(buy.content) == {"rate": {"id": purchase.rate.id}}
        assert buy.headers["authorization"] == f"Bearer {KEY}"

    play(story, seen=seen)
    assert seen.calls == [("easypost", "shipments.create", "201"), ("easypost", "shipments.buy", "200")]


def test_nothing_is_bought_without_a_prepared_shipment() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        purchase = await prepared(provider)
        unprepared = Purchase(purchase.request, "", purchase.rate)
        assert isinstance(await provider.buy(unprepared), NotBought)
        assert await provider.lookup(unprepared) == Absent()
        assert len(fake.requests) == 1

    play(story)


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError]
)
def test_a_call_that_was_never_sent_bought_nothing(failure: type[httpx.TransportError]) -> None:
    seen = Seen()

    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        purchase = await prepared(provider)
        fake.fail_next(raising(failure("no")))
        outcome = await provider.buy(purchase)
        assert isinstance(outcome, NotBought)
        assert outcome.whose is Whose.MOMENT
        assert len(fake.requests) == 2, "the adapter does not try again on its own"

    play(story, seen=seen)
    assert seen.calls[-1] == ("easypost", "shipments.buy", failure.__name__)


@pytest.mark.parametrize(
    "failure",
    [httpx.ReadTimeout, httpx.ReadError, httpx.WriteError, httpx.WriteTimeout, httpx.RemoteProtocolError],
)
def test_a_call_that_may_have_arrived_is_unknown(failure: type[httpx.TransportError]) -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        purchase = await prepared(provider)
        fake.fail_next(raising(failure("gone")))
        assert isinstance(await provider.buy(purchase), Unknown)
        assert await provider.lookup(purchase) == Absent()
        assert len(fake.requests) == 3

    play(story)


def test_an_answer_that_drips_for_ever_is_unknown_within_the_limit() -> None:
    async def drip() -> Any:
        while True:
            yield b" "
            await asyncio.sleep(0.01)

    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        purchase = await prepared(provider)
        fake.fail_next(lambda request: httpx.Response(200, content=drip()))
        started = seconds()
        assert isinstance(await provider.buy(purchase), Unknown)
        assert seconds() - started == pytest.approx(0.2)

    play(story, timeout_s=0.2, run=run_quickly)


def test_an_answer_without_end_is_unknown_before_it_fills_the_memory() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        purchase = await prepared(provider)
        fake.fail_next(lambda request: httpx.Response(200, content=b" " * (MAX_BYTES + 1)))
        assert isinstance(await provider.buy(purchase), Unknown)

    play(story)


def test_a_redirected_purchase_is_not_followed() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        purchase = await prepared(provider)
        fake.fail_next(lambda request: httpx.Response(307, headers={"location": str(request.url)}))
        assert isinstance(await provider.buy(purchase), Unknown)
        assert fake.sold() == 0

    play(story)


def test_a_throttled_purchase_reports_the_wait() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        purchase = await prepared(provider)
        fake.fail_next(Fault.THROTTLED)
        outcome = await provider.buy(purchase)
        assert isinstance(outcome, NotBought)
        assert (outcome.whose, outcome.retry_after_s) == (Whose.MOMENT, 7.0)
        fake.fail_next(Fault.THROTTLED)
        with pytest.raises(ProviderUnavailable) as raised:
            await provider.prepare(purchase.request)
        assert raised.value.retry_after_s == 7.0

    play(story)


def test_a_look_up_answered_with_404_is_unknown() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        purchase = await prepared(provider)
        fake.shipments.clear()
        found = await provider.lookup(purchase)
        assert isinstance(found, Unknown)
        assert "key" in found.reason

    play(story)


@pytest.mark.parametrize("test_mode", [True, False])
def test_a_key_of_the_wrong_kind_is_refused_before_money_moves(test_mode: bool) -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        with pytest.raises(ProviderMisconfigured, match="test_mode"):
            await prepared(provider)

    play(story, FakeEasyPost(mode="production" if test_mode else "test"), test_mode=test_mode)


def test_the_label_is_downloaded_in_the_configured_format_without_the_api_key() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        document = await provider.document(kept("easypost", await bought(provider)))
        assert (document.content, document.format) == (ZPL, LabelFormat.ZPL)
        download = fake.requests[-1]
        assert str(download.url).startswith(FILES)
        assert "authorization" not in download.headers
        assert KEY not in str(download.headers)

    play(story, fmt=LabelFormat.ZPL)


def test_a_label_in_another_format_is_converted() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        document = await provider.document(kept("easypost", await bought(provider)))
        assert (document.content, document.format) == (PDF, LabelFormat.PDF)
        assert [request.url.path.rpartition("/")[2] for request in fake.requests[2:]] == [
            "label",
            f"{next(iter(fake.shipments))}.pdf",
        ]

    play(story, FakeEasyPost(makes="PNG"))


def test_a_label_that_cannot_be_converted_is_kept_as_it_is() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        document = await provider.document(kept("easypost", await bought(provider)))
        assert (document.content, document.format) == (PNG, LabelFormat.PNG)

    play(story, FakeEasyPost(makes="PNG", converts=False))


def test_an_expired_link_is_requested_again() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        label = kept("easypost", await bought(provider))
        fake.fail_next(lambda request: httpx.Response(403, text="<Error>expired</Error>"))
        assert (await provider.document(label)).content == PDF

    play(story)


def test_a_missing_label_file_is_refused_with_a_sentence() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        label = kept("easypost", await bought(provider))
        fake.files[label.document_source.removeprefix(FILES)] = httpx.Response(404)
        with pytest.raises(ProviderRefused, match="no label file"):
            await provider.document(label)

    play(story, FakeEasyPost(converts=False))


def test_a_failing_file_host_is_transient() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        label = kept("easypost", await bought(provider))
        fake.files[label.document_source.removeprefix(FILES)] = httpx.Response(503)
        with pytest.raises(ProviderUnavailable):
            await provider.document(label)

    play(story)


@pytest.mark.parametrize(
    "file",
    [
        httpx.Response(200, content=b"%PDF-" + b" " * MAX_BYTES),
        httpx.Response(302, headers={"location": FILES + "1.pdf"}),
    ],
    ids=["too large", "a circle of links"],
)
def test_a_link_that_has_no_end_is_refused(file: httpx.Response) -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        label = kept("easypost", await bought(provider))
        fake.files[label.document_source.removeprefix(FILES)] = file
        fake.files["1.pdf"] = file
        with pytest.raises(ProviderRefused, match=r"larger than|in a circle"):
            await provider.document(label)

    play(story)


@pytest.mark.parametrize("page", ["<html>please log in</html>", "", '{"error": "expired"}'])
def test_a_page_in_the_place_of_the_file_is_no_label_and_is_kept(page: str) -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        label = kept("easypost", await bought(provider))
        for name in list(fake.files):
            fake.files[name] = httpx.Response(200, text=page, headers={"content-type": "application/pdf"})
        fake.files[label.document_source.removeprefix(FILES)] = httpx.Response(200, text=page)
        document = await provider.document(label)
        assert (document.format, document.content) == (LabelFormat.RAW, page.encode())
        assert document.problem

    play(story, FakeEasyPost(converts=False))


def test_a_firewalls_page_is_no_refusal() -> None:
    def page(request: httpx.Request) -> httpx.Response:
        return httpx.Response(403, text="<html><h1>You are blocked</h1></html>")

    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        purchase = await prepared(provider)
        fake.fail_next(page)
        assert isinstance(await provider.buy(purchase), Unknown)
        fake.fail_next(page)
        assert isinstance(await provider.lookup(purchase), Unknown)
        fake.fail_next(page)
        with pytest.raises(ProviderUnavailable, match=r"You are blocked.*providers.easypost.url"):
            await provider.prepare(purchase.request)
        fake.fail_next(page)
        with pytest.raises(ProviderUnavailable):
            await provider.void(kept("easypost", await bought(provider)))

    play(story)


def test_no_reason_repeats_the_api_key() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        purchase = await prepared(provider)
        fake.fail_next(lambda request: error(401, "APIKEY.INACTIVE", f"The key {KEY} is not active."))
        outcome = await provider.buy(purchase)
        assert isinstance(outcome, NotBought)
        assert KEY not in outcome.reason
        assert "The key *** is not active." in outcome.reason

    play(story)


INVOICE = "commercial_invoice"


def test_a_form_is_downloaded_and_its_expired_link_replaced() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        sold = await bought(provider)
        label, link = kept("easypost", sold), FILES + "invoice.pdf"
        assert (await provider.paper(label, INVOICE, link)).content == PDF
        fake.files["old.pdf"] = httpx.Response(403)
        fake.shipments[sold.provider_id]["forms"] = [{"form_type": INVOICE, "form_url": link}]
        assert (await provider.paper(label, INVOICE, FILES + "old.pdf")).content == PDF
        fake.files["invoice.pdf"] = httpx.Response(200, text="<html>log in</html>")
        with pytest.raises(ProviderUnavailable, match="not a form"):
            await provider.paper(label, INVOICE, link)
        fake.files["invoice.pdf"] = httpx.Response(404)
        with pytest.raises(ProviderRefused, match=INVOICE):
            await provider.paper(label, INVOICE, link)

    play(story)


def test_a_parcel_is_tracked_by_easyposts_tracker() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        sold = await bought(provider)
        assert await provider.track(kept("easypost", sold)) == Tracking(
            TrackerState.PRE_TRANSIT, "pre_transit"
        )
        fake.shipments.clear()
        assert await provider.track(kept("easypost", sold)) == Tracking()

    play(story)


def test_a_check_reports_a_bad_key_a_bad_address_and_missing_funds() -> None:
    async def story(provider: EasyPostProvider, fake: FakeEasyPost) -> None:
        await provider.check()
        for answer, fix in (
            (error(401, "APIKEY.INACTIVE"), "api_key"),
            (error(402, "PAYMENT_REQUIRED"), "funds"),
            (
                httpx.Response(301, headers={"location": "https://elsewhere.example"}),
                "providers.easypost.url",
            ),
        ):
            fake.fail_next(lambda request, answer=answer: answer)
            with pytest.raises(ProviderMisconfigured, match=fix):
                await provider.check()
        fake.fail_next(Fault.UNREACHABLE)
        with pytest.raises(ProviderUnavailable):
            await provider.check()

    play(story)


def raising(failure: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def handler(request: httpx.Request) -> httpx.Response:
        raise failure

    return handler
