"""unasked: accounts that have not said yet what they sold before the start; the ledger may be an old one.

Only orders that the store had before the start are concerned, and only until the account answers or a person
accepts (`packhouse reconcile`).
"""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.ledger.restores import Unasked
from packhouse.steps.context import Context, OrderJob


def has_unasked(context: Context, job: OrderJob, found: Sequence[Unasked]) -> bool:
    """Whether one of these accounts sells, and did not say what it sold; the order then is not compared.

    It is not bought from such an account. One from which this ledger had bought may have sold a label that
    the ledger lost: nothing of the order is bought anywhere, or posted.
    """
    names = {one.account for one in context.sellers}
    job.unasked = tuple(one for one in found if one.account in names)
    for one in job.unasked:
        if one.has_sold and not job.paused:
            job.waits_for_account = one.account
            job.paused = f"{one.sentence}. This order may be one of them."
    return bool(job.unasked)


def wait_for_answer(context: Context, job: OrderJob) -> None:
    """Let the order wait: no other account than those that have not answered sells it."""
    first = job.unasked[0]
    job.waits_for_account = first.account
    until = context.clock.now() + context.settings.poll.recheck_s
    job.wait_for_resume(until, f"{first.sentence}. Nothing is bought from it for older orders.")
