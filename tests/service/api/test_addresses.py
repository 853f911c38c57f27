"""Who a client is for the limits: by its address, its network, or what a trusted proxy says."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.api.addresses import AddressGroups, group


def scope(peer: str, *forwarded: str) -> dict[str, Any]:
    return {
        "client": (peer, 1) if peer else None,
        "headers": [(b"x-forwarded-for", value.encode()) for value in forwarded],
    }


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", ""),
        ("no address", ""),
        ("1.2.3.4\x1b[31m", ""),
        ("1.2.3.4444", ""),
    ],
)
def test_a_group_is_an_address_or_a_network(address: str, expected: str) -> None:
    assert group(address) == expected


def test_a_stranger_is_not_believed_what_it_forwards() -> None:
    assert AddressGroups().client(scope("203.0.113.7", "198.51.100.1")) == "203.0.113.7"
    assert AddressGroups(["10.0.0.1"]).client(scope("203.0.113.7", "198.51.100.1")) == "203.0.113.7"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (("198.51.100.1",), "198.51.100.1"),
        (("192.0.2.66, 198.51.100.1",), "198.51.100.1"),
        (("192.0.2.66", "198.51.100.1"), "198.51.100.1"),
        (("198.51.100.1, 10.0.0.9",), "198.51.100.1"),
        (("10.0.0.9",), "10.0.0.9"),
        ((), "10.0.0.5"),
        (("garbage",), ""),
    ],
)
def test_behind_trusted_proxies_the_last_address_that_is_no_proxy_is_the_client(
    forwarded: tuple[str, ...], expected: str
) -> None:
    groups = AddressGroups(["10.0.0.0/24", "2001:db8::/32"])
    assert groups.client(scope("10.0.0.5", *forwarded)) == expected


def test_only_trusted_proxies_have_no_limit_per_address() -> None:
    groups = AddressGroups(["10.0.0.0/24"])
    assert groups.limited("10.0.0.5") is None
    assert groups.limited("::ffff:10.0.0.5") is None
    assert groups.limited("10.0.1.5") == "10.0.1.5"
    assert AddressGroups().limited("127.0.0.1") == "127.0.0.1"
