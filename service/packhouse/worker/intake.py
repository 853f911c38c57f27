"""intake: record a webhook event and wake its order, in one transaction."""

from __future__ import annotations

from collections.abc import Callable

from packhouse.clock import Clock
from packhouse.config.settings import Settings
from packhouse.ledger import inbox
from packhouse.ledger.port import Ledger
from packhouse.model.event import Event


class Intake:
    """Receives verified webhooks. `wake` makes the workers look for due orders at once."""

    def __init__(self, ledger: Ledger, clock: Clock, settings: Settings, wake: Callable[[], None]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._site = settings.store.site_slug
        self._echo_delay_s = settings.poll.confirm_s
        self._wake = wake

    async def receive(self, event: Event) -> inbox.Receipt:
        """Record an event; returns "accepted", "duplicate" or "ignored" once the event is on disk.

        Raises LedgerUnavailable; the store must then send the webhook again.
        """
        served = not (self._site and event.site_slug) or event.site_slug == self._site
        outcome = await self._ledger.write(
            inbox.receive, self._clock.now(), event, self._echo_delay_s, served
        )
        if outcome == inbox.ACCEPTED:
            self._wake()
        return outcome

    async def keep_dead_letter(self, body: bytes, reason: str) -> None:
        """Record a body with a valid signature that is no event. Raises LedgerUnavailable."""
        await self._ledger.write(inbox.keep_dead_letter, self._clock.now(), body, reason)
