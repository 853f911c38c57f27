"""Who a client is, for limits: an IPv4 address, a /64 network of IPv6, the client behind a trusted proxy."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from packhouse.api.asgi import Scope

# One customer of IPv6 has at least so many addresses.
_IPV6_PREFIX = 64
_LONGEST_HEADER = 4096


class AddressGroups:
    """Groups clients by address. `trusted` are the addresses and networks of proxies."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted = tuple(ipaddress.ip_network(text) for text in trusted)

    def limited(self, address: str) -> str | None:
        """The group of a connection's other end for limits per address; None for a trusted proxy."""
        return None if self._is_trusted(address) else group(address)

    def client(self, scope: Scope) -> str:
        """The group of a request's client. Only a trusted proxy is believed what it forwards."""
        peer = scope.get("client")
        address = str(peer[0]) if peer else ""
        if self._trusted and self._is_trusted(address):
            # Each proxy adds its client at the end, so the last one that is no proxy is the client.
            for hop in reversed(_forwarded(scope)):
                address = hop
                if not self._is_trusted(hop):
                    break
        return group(address)

    def _is_trusted(self, address: str) -> bool:
        if not self._trusted or (parsed := _parsed(address)) is None:
            return False
        return any(parsed in network for network in self._trusted)


def group(address: str) -> str:
    """The address, or its network; "" for what is no address."""
    if ":" not in address and address:
        parts = address.split(".")
        if len(parts) == 4 and all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts):
            return address
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((parsed, _IPV6_PREFIX), strict=False).network_address)
    return "" if parsed is None else str(parsed)


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed


def _forwarded(scope: Scope) -> Sequence[str]:
    values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    text = b",".join(values)[-_LONGEST_HEADER:].decode("latin-1")
    return [hop for part in text.split(",") if (hop := part.strip())]
