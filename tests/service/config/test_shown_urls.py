"""An address holds no secret: what may be one is refused, and no message shows it."""

from __future__ import annotations

import pytest

from packhouse import config
from packhouse.errors import SettingsError
from packhouse.setting_text import shown_url
from packhouse.store.client import StoreClient
from packhouse.store.requests import OrdersQuery, list_orders
from packhouse.store.responses import unanswered, unreachable

SECRET = "s3cret-pw"
URLS = (
    f"http://127.0.0.1:1/api?token={SECRET}",
    f"http://127.0.0.1:1/api#{SECRET}",
    f"http://shop:{SECRET}@127.0.0.1:1/api",
    f"http://{SECRET}@127.0.0.1:1/api",
    f"http://shop:{SECRET}/x@127.0.0.1:1/api",
)


@pytest.mark.parametrize("url", URLS)
def test_no_message_about_the_store_shows_what_an_address_hides(url: str) -> None:
    asked = list_orders(OrdersQuery())
    for error in (unreachable(asked, url, OSError("no")), unanswered(asked, url, OSError("no"))):
        assert SECRET not in str(error)
    assert SECRET not in shown_url(url)
    with pytest.raises(SettingsError) as refused:
        StoreClient(f"ftp{url[4:]}", "key", timeout_s=1)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://aly.store/api/v1", "https://aly.store/api/v1"),
        ("http://[::1]:8080/api", "http://[::1]:8080/api"),
        ("http://x:99999999/", "(an address that cannot be read)"),
        ("nothing", "(an address without a host)"),
    ],
)
def test_an_address_is_shown_by_its_host_and_path(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("name", ["PACKHOUSE_STORE__URL", "PACKHOUSE_PROVIDERS__EASYPOST__URL"])
def test_an_address_with_more_than_host_and_path_is_refused_without_repeating_it(
    url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, url)
    monkeypatch.setenv("PACKHOUSE_PROVIDER", "easypost")
    monkeypatch.setenv("PACKHOUSE_PROVIDERS__EASYPOST__API_KEY", "EZTKabcdefgh")
    with pytest.raises(SettingsError) as refused:
        config.load()
    assert SECRET not in str(refused.value)
    assert "contains" in str(refused.value)
