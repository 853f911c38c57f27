"""Plays a story with an adapter and a small EasyPost in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from packhouse.model.label import LabelFormat
from packhouse.providers.conformance import sample_request
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.easypost.options import EasyPostOptions
from packhouse.providers.port import (
    Bought,
    Purchase,
)
from tests.service.providers.context import Seen, context
from tests.service.providers.easypost.fake import KEY, FakeEasyPost

Story = Callable[[EasyPostProvider, FakeEasyPost], Awaitable[None]]


def play(
    story: Story,
    fake: FakeEasyPost | None = None,
    *,
    fmt: LabelFormat = LabelFormat.PDF,
    timeout_s: float = 60.0,
    seen: Seen | None = None,
    run: Callable[[Coroutine[Any, Any, None]], None] = asyncio.run,
    **options: Any,
) -> FakeEasyPost:
    fake = fake or FakeEasyPost()

    async def scene() -> None:
        read = EasyPostOptions.model_validate(
            {"api_key": KEY, "url": "https://easypost.example/v2", **options}
        )
        provider = EasyPostProvider(read, context(fmt, timeout_s=timeout_s, seen=seen), fake.transport())
        try:
            await story(provider, fake)
        finally:
            await provider.aclose()

    run(scene())
    return fake


async def prepared(provider: EasyPostProvider, reference: str = "ord_1/1/1") -> Purchase:
    request = sample_request(reference)
    answer = await provider.prepare(request)
    return Purchase(request, answer.provider_ref, answer.rates[0])


async def bought(provider: EasyPostProvider) -> Bought:
    outcome = await provider.buy(await prepared(provider))
    assert isinstance(outcome, Bought)
    return outcome
