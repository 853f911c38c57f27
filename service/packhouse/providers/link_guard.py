"""Where a provider's link may lead: to public addresses, the provider's own host, and hosts in the settings.

A link comes from outside, so it could make the daemon read addresses that only the daemon reaches. A name is
resolved once, every address is checked, and the connection is made to a checked address and no other.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from packhouse.errors import ProviderRefused

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

REFUSED = "link_refused"
_PORTS = {"http": 80, "https": 443}
# URL readers understand these differently: the host that is checked might not be the one that is called.
_AMBIGUOUS = re.compile(r"[\x00-\x20\x7f\\]")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_DOCUMENTATION = IPv6Network("3fff::/20")
# A public address at which a cloud serves only its own machines.
_OF_THE_CLOUD = frozenset({IPv4Address("168.63.129.16")})


class LinkRefused(ProviderRefused):
    """A link that is not followed, now or later. The message says why."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=REFUSED)


class Target(NamedTuple):
    """A link that may be followed. `addresses` are the checked ones; none for a host allowed by name."""

    url: str
    addresses: tuple[str, ...]


async def system_resolve(host: str, port: int) -> tuple[str, ...]:
    """The addresses of a host, as the operating system knows them. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return tuple(dict.fromkeys(str(place[0]) for *_, place in found))


class LinkGuard:
    """Checks the links of one account. `own` is its API's address, `hosts` are allowed by the settings."""

    def __init__(self, own: str, hosts: Collection[str], resolve: Resolve = system_resolve) -> None:
        self._own = _place(urlsplit(own)) if own else None
        self._hosts = frozenset(host.strip().lower().rstrip(".") for host in hosts)
        self._resolve = resolve

    async def check(self, link: str) -> Target:
        """The link as it is to be followed. Raises LinkRefused, and OSError for a name without an address."""
        parts = _parts(link)
        host, port = _place(parts)
        url = parts._replace(netloc=_netloc(host, port, parts.scheme), fragment="", path=parts.path or "/")
        if (host, port) == self._own or {host, _joined(host, port)} & self._hosts:
            return Target(url.geturl(), ())
        try:
            addresses = tuple(await self._resolve(host, port))
        except UnicodeError as error:
            raise LinkRefused(f"The link leads to {host[:80]!r}, which is no host name.") from error
        if not addresses:
            raise OSError(f"{host[:80]} has no address")
        if not all(map(is_public, addresses)):
            raise LinkRefused(
                f"The link leads to {host[:80]}, which is not on the public internet, so it was not opened. "
                "If this host is yours, add it to PACKHOUSE_PROVIDER_LINK_HOSTS."
            )
        return Target(url.geturl(), addresses)


def is_public(address: str) -> bool:
    """Whether an address is on the public internet, also if it holds an IPv4 address in an IPv6 one."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast and ip not in _OF_THE_CLOUD
    if ip.scope_id:
        return False
    # Versions of Python disagree about whether 6to4 is global.
    inner = ip.ipv4_mapped or ip.sixtofour or (IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
    if inner is not None:
        return is_public(str(inner))
    is_unicast = ip in _GLOBAL_UNICAST and ip.is_global and ip not in _DOCUMENTATION
    # The IPv4 addresses that a Teredo address leads to.
    return is_unicast and all(is_public(str(one)) for one in ip.teredo or ())


def _parts(link: str) -> SplitResult:
    if _AMBIGUOUS.search(link):
        raise LinkRefused("The link has blanks, control characters or backslashes; it is not opened.")
    try:
        parts = urlsplit(link)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError as error:
        raise LinkRefused("The link cannot be read.") from error
    if parts.scheme not in _PORTS:
        raise LinkRefused(f"The link is no web address: it begins with {link[:20]!r}.")
    if "@" in parts.netloc:
        raise LinkRefused("The link has a user name in it; it is not opened.")
    if not (parts.hostname or "").strip("."):
        raise LinkRefused("The link names no host.")
    return parts


def _place(parts: SplitResult) -> tuple[str, int]:
    """The host, in lower case and without a dot at its end, and the port."""
    return (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme, 0)


def _netloc(host: str, port: int, scheme: str) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port == _PORTS[scheme] else f"{name}:{port}"


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
