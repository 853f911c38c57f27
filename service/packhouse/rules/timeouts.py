"""How long a post to the store may take, and how long any order may wait."""

from __future__ import annotations

from packhouse.config.settings import Settings
from packhouse.model.store_limit import LONGEST_CHANGE_WAIT_S

_MARGIN_S = 5.0


def longest_post_s(settings: Settings) -> float:
    """The longest time, in seconds, from the last check of the lease to the end of a post to the store.

    The post waits for its turn under the store's limit, at most LONGEST_CHANGE_WAIT_S; then comes the call.
    """
    return LONGEST_CHANGE_WAIT_S + settings.store.timeout_s + _MARGIN_S


def longest_wait_s(settings: Settings) -> float:
    """Longer than any order waits by design, in seconds. What is due later was deferred by a clock that ran
    ahead, or by a server that asked for an unreasonable wait.
    """
    longest_retry_s = 24 * settings.retry.max_s  # of an order that was set aside (ledger/crashes.py)
    return 2 * max(settings.poll.recheck_s, longest_retry_s, 86_400.0)
