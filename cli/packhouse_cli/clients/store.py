"""The store as a command reaches it: it waits when the store says that it is asked too often."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from packhouse.store.client import StoreClient
from packhouse_cli.user.settings import CliSettings

if TYPE_CHECKING:
    from packhouse.store.requests import StoreRequest
    from packhouse.store.responses import StoreResponse
    from packhouse_cli.terminal.output import Terminal

LONGEST_WAIT_S = 300.0  # in all, for one call; then the 429 is the answer
_FIRST_WAIT_S = 1.0  # where the store does not say how long
# "Wait 0 seconds" is no leave to hammer: 0.05, 0.1, 0.2, ... seconds at least.
_LEAST_SHARE, _LONGEST_LEAST_S = 0.05, 5.0


class PatientStore(StoreClient):
    """A store whose 429 is waited for: as long as it says, else 1, 2, 4, ... seconds, up to LONGEST_WAIT_S.

    With `waits` False a 429 is raised at once. `told` hears of each wait, in seconds.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout_s: float,
        waits: bool = True,
        told: Callable[[float], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(url, api_key, timeout_s=timeout_s)
        self._waits = waits
        self._told = told
        self._sleep = sleep

    def ask(self, request: StoreRequest) -> StoreResponse:
        """As the store's own; a throttled call had no effect, so the same bytes are simply sent again."""
        from packhouse.errors import StoreThrottled

        waited, next_s = 0.0, _FIRST_WAIT_S
        while True:
            try:
                return super().ask(request)
            except StoreThrottled as error:
                least_s = min(next_s * _LEAST_SHARE, _LONGEST_LEAST_S)
                wait_s = next_s if error.retry_after_s is None else max(error.retry_after_s, least_s)
                if not self._waits or waited + wait_s > LONGEST_WAIT_S:
                    raise
            if self._told is not None:
                self._told(wait_s)
            self._sleep(wait_s)
            waited, next_s = waited + wait_s, next_s * 2


def open_store(settings: CliSettings, terminal: Terminal, *, waits: bool = True) -> PatientStore:
    """The store of these settings. Waits are told on standard error where somebody looks."""

    def told(seconds: float) -> None:
        if terminal.stderr.isatty():
            terminal.note(f"The store asks for patience (429): waiting {seconds:g} s (or use --no-wait).")

    return PatientStore(
        settings.store_url, settings.api_key, timeout_s=settings.store_timeout_s, waits=waits, told=told
    )
