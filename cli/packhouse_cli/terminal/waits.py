"""What work waits for, from the daemon's response to lines that people read. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packhouse_cli.terminal.formats import clock_time, day, span

# What stops work until a person, the store or a provider ends it; other waits are everyday.
STOPS = frozenset(
    {"paused", "account_resting", "account_refused", "provider_unavailable"}
    | {"store_limit", "store_refused", "store_unavailable", "retry"}
)


def stops_of(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What stops work, of all that a daemon's status says is waited for."""
    waits = [one for one in status.get("waiting") or () if isinstance(one, dict)]
    return [one for one in waits if one.get("kind") in STOPS]


def sentences_of(waiting: Mapping[str, Any], now: float) -> tuple[str, ...]:
    """What is waited for with its times, then what a person can do, if anything."""
    text = str(waiting.get("sentence") or waiting.get("kind") or "?").rstrip(".")
    since, until = waiting.get("since"), waiting.get("until")
    if waiting.get("kind") == "processing" and isinstance(until, (int, float)):
        return (f"{text}. If it has stopped, another worker takes over in {span(until - now)}.",)
    times = []
    if isinstance(since, (int, float)):
        times.append(f"since {moment(since, now)} ({span(now - since)})")
    if isinstance(until, (int, float)):
        left = f"in {span(until - now)}" if until - now >= 1 else "now"
        times.append(f"continues {left}" + (f", at {moment(until, now)}" if until - now >= 1 else ""))
    sentence = f"{text}. {'; '.join(times).capitalize()}." if times else f"{text}."
    remedy = str(waiting.get("remedy") or "")
    return (sentence, remedy) if remedy else (sentence,)


def moment(at: float, now: float) -> str:
    """The time of day, with the date unless it is today's."""
    return clock_time(at) if day(at) == day(now) else f"{day(at)} {clock_time(at)}"


def ago(at: object, now: float) -> str:
    """How long ago, such as "12 s ago"; "never" without a time."""
    return f"{span(now - at)} ago" if isinstance(at, (int, float)) else "never"
