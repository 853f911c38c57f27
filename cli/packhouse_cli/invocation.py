"""One call of the command: where it writes, its environment and name, and the clients that it opens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from packhouse_cli.terminal.output import Terminal

# Each is loaded when it is used: help and completion need no settings, most commands one client.
if TYPE_CHECKING:
    from packhouse_cli.clients.daemon import Daemon
    from packhouse_cli.clients.rate_limiter import RateLimiter
    from packhouse_cli.clients.store import RetryingStore
    from packhouse_cli.clients.takeover import Takeover
    from packhouse_cli.user.settings import CliSettings


class Invocation:
    """What every command gets. `program` is the name it was called by: packhouse or aly-store-cli."""

    def __init__(self, terminal: Terminal, environ: Mapping[str, str], program: str = "packhouse") -> None:
        self.terminal = terminal
        self.environ = environ
        self.program = program
        self._settings: CliSettings | None = None

    @property
    def settings(self) -> CliSettings:
        """Settings and profile. A value is read when it is used, and raises UsageError where it is wrong."""
        if self._settings is None:
            from packhouse_cli.user.settings import CliSettings

            self._settings = CliSettings(self.environ)
        return self._settings

    @contextmanager
    def daemon(self) -> Iterator[Daemon]:
        """The daemon's client. Raises UsageError where no operator token is set."""
        from packhouse_cli.clients.daemon import Daemon

        daemon = Daemon(self.settings.daemon_url, self.settings.token)
        try:
            yield daemon
        finally:
            daemon.close()

    def store(self, *, retries: bool = True) -> RetryingStore:
        """The store's client; it is a context manager. With `retries` it waits and tries again after a 429,
        and says so on a terminal. Raises UsageError where no API key is set.
        """
        from packhouse_cli.clients.store import RetryingStore

        def on_wait(seconds: float) -> None:
            if self.terminal.stderr.isatty():
                wait = f"{round(seconds, 1):g} s"
                self.terminal.note(
                    f"Rate limited by the store (429); retrying in {wait}. --no-wait ends at once."
                )

        settings = self.settings
        return RetryingStore(
            settings.store_url,
            settings.api_key,
            timeout_s=settings.store_timeout_s,
            retries=retries,
            on_wait=on_wait,
            limiter=self.limiter() if retries else None,
        )

    def limiter(self, max_per_s: float | None = None) -> RateLimiter:
        """When calls to the store may start; the daemon and the commands of this machine share it.

        `max_per_s` is a limit in place of the one in the settings. Raises UsageError.
        """
        import threading

        from packhouse_cli.clients.rate_limiter import RateLimiter, open_shared
        from packhouse_cli.user.paths import rates_folder

        settings = self.settings
        if max_per_s is None:
            max_per_s = settings.store_rate_limit_per_s
        rate = open_shared(
            rates_folder(self.environ), settings.data_dir, settings.store_url, settings.api_key
        )
        return RateLimiter(max_per_s, threading.Event(), rate=rate)

    @contextmanager
    def take_over(
        self,
        order_id: str,
        purpose: str,
        *,
        without_daemon: bool = False,
        note: Callable[[str], None] | None = None,
    ) -> Iterator[Takeover]:
        """Take the order over from the daemon, if one is configured, and release it at the end.

        See clients/takeover. `note` prints a line for people, by default on this terminal.
        """
        from packhouse_cli.clients.takeover import NO_DAEMON, take_over

        note = note or self.terminal.note
        if without_daemon or not self.settings.knows_daemon:
            if not without_daemon:
                note(NO_DAEMON)
            with take_over(None, order_id, purpose, note) as takeover:
                yield takeover
            return
        with self.daemon() as daemon, take_over(daemon, order_id, purpose, note) as takeover:
            yield takeover

    def release_finished(self, order_id: str, purpose: str, *, without_daemon: bool = False) -> None:
        """Release an order that an interrupted run of this same change has taken over and finished."""
        if without_daemon or not self.settings.knows_daemon:
            return
        from packhouse_cli.clients.takeover import release_finished

        with self.daemon() as daemon:
            release_finished(daemon, order_id, purpose)
