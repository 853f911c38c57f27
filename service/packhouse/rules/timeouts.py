"""How long things may take: what is still on its way after a person took its order away, and any wait."""

from __future__ import annotations

from packhouse.config.settings import Settings

_MARGIN_S = 5.0


def longest_post_s(settings: Settings) -> float:
    """The longest time, in seconds, from the last look at the lease to the end of a post to the store.

    It waits for its turn under our own limit, behind one call of every other worker; then comes the call.
    """
    store = settings.store
    queue_s = settings.worker.concurrency / store.rate_limit_per_s if store.rate_limit_per_s else 0.0
    return queue_s + store.timeout_s + _MARGIN_S


def longest_wait_s(settings: Settings) -> float:
    """Longer than any order waits by our own doing, in seconds: what is due later was put off by a clock that
    ran ahead, or by somebody who asked for more than makes sense.
    """
    return 2 * max(settings.poll.recheck_s, settings.poll.track_interval_s, settings.retry.max_s, 86_400.0)
