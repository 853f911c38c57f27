"""A price of nothing: most often none is known, and only the account's settings make it a price."""

from __future__ import annotations

import pytest

from packhouse.errors import ProviderRefused
from packhouse.model.money import Money
from tests.service.harness import Harness
from tests.service.steps.jobs import add_account
from tests.service.steps.test_find_offer import BOTH, account_of, found, offers

pytestmark = pytest.mark.harness(settings={"provider": BOTH})
REFUSED = ProviderRefused("no such street")


@pytest.mark.parametrize(
    ("prices", "is_free", "bought"),
    [
        ((1,), False, 1),
        ((0,), False, None),
        ((-5, 700), False, 700),
        ((0, 700), False, 700),
        ((0, 700), True, 0),
    ],
    ids=str,
)
async def test_a_price_of_nothing_is_a_price_only_where_the_account_says_so(
    harness: Harness, prices: tuple[int, ...], is_free: bool, bought: int | None
) -> None:
    add_account(harness).script(prepare=REFUSED)
    harness.settings.providers["easypost"] = {"free_rates": is_free}
    harness.provider.script(prepare=offers(*prices))
    job, offer = await found(harness)
    assert (offer is None) == (bought is None)
    assert offer is None or offer.offer.rate.price == Money(bought or 0, "USD")
    left_out = "a price of 0.00 counts as none, so this is left out: USPS/Ground0. If it is free, set "
    assert offer or left_out in job.active_holds()[0].note


async def test_an_unknown_price_is_not_a_price_of_nothing(harness: Harness) -> None:
    harness.provider.script(prepare=offers(None))
    add_account(harness).script(prepare=REFUSED)
    _, offer = await found(harness)
    assert account_of(offer) == "easypost"


@pytest.mark.harness(settings={"provider": BOTH, "rates": {"services": ("UPS",)}})
async def test_a_rate_that_is_not_allowed_is_named_and_a_price_of_nothing_is_told_apart(
    harness: Harness,
) -> None:
    harness.provider.script(prepare=offers(700))
    add_account(harness).script(prepare=offers(0, messages=("no box",)))
    job, offer = await found(harness)
    assert offer is None
    (hold,) = job.active_holds()
    first, _, other = hold.note.partition("; ")
    assert first == "Every provider account: easypost: offered, but not allowed: USPS/Ground0"
    assert other.startswith("second: no box. a price of 0.00 counts as none")
    assert other.endswith("set providers.second.free_rates = true")
