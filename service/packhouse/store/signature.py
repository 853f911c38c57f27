"""The webhook's signature: X-Aly-Signature is "t=<unix seconds>,v1=<hex HMAC-SHA256 of t.body>".

Bytes come in, a verdict leaves; nothing is parsed before this says OK. The key is the whole secret as the
store gave it, "whsec_" included.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

_LONGEST_HEADER = 4096
_FORMATTING = b" \t\"'"
_TIME = re.compile(rb"[0-9]{1,15}")
_MAC = re.compile(rb"[0-9a-fA-F]{64}")


class SignatureVerdict(StrEnum):
    """The result of checking a signature."""

    OK = "ok"
    MISSING = "missing"
    MALFORMED = "malformed"
    STALE = "stale"
    WRONG = "wrong"


def sign(body: bytes, secret: bytes, t: int) -> str:
    """The header for this body at time `t` (seconds since 1970), as the store would write it."""
    return f"t={t},v1={_mac(secret, str(t).encode(), body).hex()}"


def verify(
    header: bytes | str | None, body: bytes, secrets: Sequence[bytes], now: float, tolerance_s: float
) -> SignatureVerdict:
    """Check a delivery: `body` as received, `now` in seconds since 1970, `tolerance_s` to either side of it.

    Any of several secrets and any of several v1 will do (a secret is being rotated). All are compared, in
    constant time. Without a secret nothing is OK; an empty secret counts as none.
    """
    read = _read(header, now, tolerance_s)
    if isinstance(read, SignatureVerdict):
        return read
    time, macs = read
    good = False
    for secret in secrets:
        if secret:
            expected = _mac(secret, time, body)
            for mac in macs:
                good |= hmac.compare_digest(expected, mac)
    return SignatureVerdict.OK if good else SignatureVerdict.WRONG


def verify_header(header: bytes | str | None, now: float, tolerance_s: float) -> SignatureVerdict:
    """Check what can be checked without the body: OK if only the body's MAC is left to compare."""
    read = _read(header, now, tolerance_s)
    return read if isinstance(read, SignatureVerdict) else SignatureVerdict.OK


def _read(
    header: bytes | str | None, now: float, tolerance_s: float
) -> SignatureVerdict | tuple[bytes, Sequence[bytes]]:
    """The time and the MACs of a header, or why it is refused."""
    if not header:
        return SignatureVerdict.MISSING
    try:
        raw = header if isinstance(header, bytes) else header.encode("ascii")
    except UnicodeEncodeError:
        return SignatureVerdict.MALFORMED
    if len(raw) > _LONGEST_HEADER:
        return SignatureVerdict.MALFORMED
    times, macs = _parts(raw)
    if len(times) != 1 or not macs:
        return SignatureVerdict.MALFORMED
    if not abs(now - int(times[0])) <= tolerance_s:
        return SignatureVerdict.STALE
    return times[0], macs


@lru_cache(maxsize=64)
def _parts(header: bytes) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """Every `t` and every well-formed `v1` of a header; other schemes are ignored.

    A `t` that is no time makes the header invalid: nothing is returned. Each header is read twice: before its
    body is there, and after it.
    """
    times: list[bytes] = []
    macs: list[bytes] = []
    # Quotes and blanks are formatting: some proxies and libraries add them, and the MAC does not cover them.
    for part in header.strip(_FORMATTING).split(b","):
        name, _, value = (side.strip(_FORMATTING) for side in part.partition(b"="))
        if name == b"t":
            if not _TIME.fullmatch(value):
                return (), ()
            times.append(value)
        elif name == b"v1" and _MAC.fullmatch(value):
            macs.append(bytes.fromhex(value.decode("ascii")))
    return times, macs


def _mac(secret: bytes, t: bytes, body: bytes) -> bytes:
    return hmac.digest(secret, t + b"." + body, "sha256")
