"""A label's link that leads nowhere good: the paid parcel is posted at once, and a hold tells about it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import SecretStr

from packhouse.http import httpx
from packhouse.model.hold import HoldCode
from packhouse.model.label import LabelFormat
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.easypost.options import EasyPostOptions
from packhouse.providers.port import Bought, ProviderContext, Purchase
from packhouse.sandbox.sandbox import EASYPOST_KEY
from packhouse.sandbox.transport import SandboxTransport
from tests.service.harness import SENDER, Harness

pytestmark = pytest.mark.usefixtures("engine")

OWN = "http://sandbox.invalid/lies"


class LyingHost(SandboxTransport):
    """The provider's own host, which answers under /lies as well."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.startswith("/lies"):
            return await super().handle_async_request(request)
        away = {
            "/lies/circle": f"{OWN}/circle",
            "/lies/inside": "http://169.254.169.254/latest/meta-data",
            "/lies/broken": "http://[",
            "/lies/without-end": f"{OWN}/{'x' * 70_000}",
        }
        if where := away.get(request.url.path):
            return httpx.Response(302, headers={"location": where}, request=request)
        return httpx.Response(200, html="<html>Your session has ended</html>", request=request)


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("file:///etc/passwd", "no web address"),
        ("ftp://files.example/label.zpl", "no web address"),
        ("data:text/plain;base64,XlhBXlha", "no web address"),
        ("http://127.0.0.1:8000/label.zpl", "not on the public internet"),
        ("http://2130706433/label.zpl", "not on the public internet"),
        ("http://[::ffff:169.254.169.254]/label.zpl", "not on the public internet"),
        ("http://sandbox.invalid@127.0.0.1/label.zpl", "user name"),
        (f"{OWN}/circle", "leads in a circle"),
        (f"{OWN}/inside", "not on the public internet"),
        (f"{OWN}/broken", "cannot be read"),
        (f"{OWN}/without-end", "cannot be read"),
        (f"{OWN}/{'x' * 70_000}", "cannot be read"),
        (f"{OWN}/page", "web page"),
    ],
)
async def test_a_parcel_whose_labels_link_lies_is_posted_at_once_and_a_hold_says_so(
    harness: Harness, link: str, words: str
) -> None:
    options = EasyPostOptions(api_key=SecretStr(EASYPOST_KEY), url="http://sandbox.invalid/easypost/v2")
    context = ProviderContext(harness.clock, 30.0, SENDER, LabelFormat.ZPL, harness.metrics.call)
    harness.provider.real = EasyPostProvider(options, context, LyingHost(harness.sandbox))

    async def buy(purchase: Purchase) -> Bought:
        bought = await harness.provider.real.buy(purchase)
        assert isinstance(bought, Bought)
        return replace(bought, document_source=link)

    harness.provider.script(buy=buy)
    order = await harness.ship()
    assert await harness.states(order) == ["fulfilled"]
    (shipment,) = await harness.shipments(order)
    assert shipment.label is not None
    if words == "web page":
        # EasyPost is asked to convert the label, and does.
        assert shipment.label.document_format is LabelFormat.ZPL
        return
    (hold,) = await harness.active_holds(order)
    assert hold.code is HoldCode.LABEL_FILE_MISSING
    assert words in hold.sentence
