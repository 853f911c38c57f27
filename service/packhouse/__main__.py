"""The daemon's process: settings, app, port, uvicorn; and the order in which everything stops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

import structlog
import uvicorn

from packhouse import __version__, config, data_folder
from packhouse.api.capacity import raise_file_limit
from packhouse.api.server import BoundedServer, configure
from packhouse.app import App, build_app
from packhouse.clock import SystemClock
from packhouse.config.settings import Settings
from packhouse.errors import FolderInUse, LedgerError, SettingsError
from packhouse.model.printable import escaped_lines
from packhouse.preflight import require_startable
from packhouse.telemetry import logs
from packhouse.worker.watchdog import Watchdog

_PREDECESSOR_S = 30.0
# A stop takes no longer than the grace period and this, whatever hangs. Its parts may take so long:
_STOP_MARGIN_S, _CANCEL_S, _CLOSE_S = 8.0, 4.5, 1.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SETTINGS, _LEDGER, _PORT = 2, 11, 12
# Of new objects that the garbage collection counts.
_OBJECTS_BEFORE_PASS = 10_000
_WEBHOOK_PATH = "/webhooks/aly"


def main(argv: Sequence[str] = (), environ: Mapping[str, str] = os.environ) -> int:
    """Run until SIGTERM, SIGINT or SIGHUP, then finish the running orders and return 0.

    2: a setting is wrong. 11: the ledger cannot be used. 12: the port cannot be opened. The watchdog ends the
    process with 16 where a stop takes too long, and with 17 where the event loop no longer runs.
    """
    if argv:
        _tell(
            f"packhouse serve takes no arguments, but got: {' '.join(argv)}. "
            "To check its settings: packhouse config check"
        )
        return _SETTINGS
    try:
        settings = config.load(environ=environ)
    except SettingsError as error:
        _tell(str(error))
        return _SETTINGS
    logs.configure(settings.log.level, settings.log.format, secrets=config.secret_values(settings, environ))
    try:
        with _locked_folder(settings):
            require_startable(settings)
            return _serve(settings)
    except SettingsError as error:
        _tell(str(error))
        return _SETTINGS
    except LedgerError as error:
        _tell(str(error))
        return _LEDGER


def _tell(text: str) -> None:
    """Print for people, on standard error. A setting or a database's error may repeat any text."""
    print(escaped_lines(text), file=sys.stderr)


@contextlib.contextmanager
def _locked_folder(settings: Settings) -> Iterator[None]:
    """Lock the data folder, which only one process may use; wait a while for a process that is stopping."""
    if settings.ledger_url.startswith("postgresql"):
        yield
        return
    clock = SystemClock()
    until = clock.monotonic() + _PREDECESSOR_S
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(data_folder.lock(settings.data_dir))
                break
            except FolderInUse as error:
                if clock.monotonic() > until:
                    raise
                structlog.get_logger("packhouse").info("waiting_for_predecessor", reason=str(error))
                asyncio.run(clock.sleep(2.0))
        yield


def _serve(settings: Settings) -> int:
    raise_file_limit()
    server_config = configure(settings.http, settings.worker.grace_s)
    with asyncio.Runner(loop_factory=server_config.get_loop_factory()) as runner:
        return runner.run(_run(settings, server_config))


async def _run(settings: Settings, server_config: uvicorn.Config) -> int:
    """Open the port, then build the app: a process that cannot serve must not migrate or wake anything."""
    try:
        sock = _listen(settings)
    except OSError as error:
        _tell(
            f"Cannot listen on {settings.http.host}:{settings.http.port}: {error.strerror}. "
            "Set PACKHOUSE_HTTP__PORT to a free port."
        )
        return _PORT
    with sock:
        app = await build_app(settings, SystemClock())
        await _serve_until_stopped(app, settings, server_config, sock)
    return 0


async def _serve_until_stopped(
    app: App, settings: Settings, server_config: uvicorn.Config, sock: socket.socket
) -> None:
    log, clock = structlog.get_logger("packhouse"), SystemClock()
    grace_s = settings.worker.grace_s
    watchdog = Watchdog(settings.worker.watchdog_s, lambda: app.dispatcher.running, clock)
    server = BoundedServer(server_config, app.asgi_app, app.connections)
    stop = _on_signals(server, lambda: watchdog.expect_stop(grace_s + _STOP_MARGIN_S))
    watchdog.start()
    beating = asyncio.create_task(watchdog.keep_beating(), name="watchdog")
    working = asyncio.create_task(app.dispatcher.run(), name="dispatcher")
    serving = asyncio.create_task(server.serve(sockets=[sock]), name="http")
    app.schedule.start()
    polling = asyncio.create_task(app.tasks.poll(), name="first poll")
    address = _address(sock)
    is_open = bool(settings.webhook.secrets)
    if sys.stderr.isatty():
        webhooks = f"webhooks: {_WEBHOOK_PATH}" if is_open else "webhooks: closed, as no secret is set"
        _tell(f"Packhouse listens on {address} ({webhooks}, health: /readyz). Ctrl-C stops it.")
    log.info(
        "serving",
        # Not "address", which the redaction drops as a buyer's.
        url=address,
        webhook=f"{address}{_WEBHOOK_PATH}" if is_open else "closed: no secret is set",
        health=f"{address}/readyz",
        version=__version__,
        provider=settings.provider,
        # Lease tokens begin with it.
        replica=app.dispatcher.worker_id,
    )
    gc.collect()
    gc.freeze()
    # An order leaves some 70 objects to be found; ten passes for so few cost more than what they free.
    gc.set_threshold(_OBJECTS_BEFORE_PASS, 10, 10)
    await asyncio.wait([stop, working, serving], return_when=asyncio.FIRST_COMPLETED)
    watchdog.expect_stop(grace_s + _STOP_MARGIN_S)
    stopping_since = clock.monotonic()
    log.info("stopping", in_flight=app.dispatcher.in_flight)
    app.readiness.draining = True
    app.schedule.shutdown(wait=False)
    polling.cancel()
    await _drain(app, working, grace_s)
    left_s = max(1.0, grace_s - (clock.monotonic() - stopping_since))
    server_config.timeout_graceful_shutdown = max(1, int(left_s))
    server.should_exit = True
    await _within(left_s + _CLOSE_S, serving, "http")
    await _within(_CLOSE_S, asyncio.create_task(app.aclose(), name="close"), "connections")
    beating.cancel()
    # A supervisor that repeats its signal must not turn an orderly end into a kill.
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    log.info("stopped")


async def _drain(app: App, working: asyncio.Task[None], grace_s: float) -> None:
    """Start no more orders and finish those that run; cancel them when the grace period is over.

    Health requests are still answered and webhooks still accepted meanwhile.
    """
    app.dispatcher.stop()
    done, _ = await asyncio.wait([working], timeout=grace_s)
    if done:
        await working
        return
    log = structlog.get_logger("packhouse")
    log.warning("grace_over", in_flight=app.dispatcher.in_flight)
    working.cancel()
    await _within(_CANCEL_S, working, "orders")


async def _within(seconds: float, task: asyncio.Task[None], what: str) -> None:
    """Wait for the end of a task, and continue without it after so many seconds."""
    done, _ = await asyncio.wait([task], timeout=seconds)
    if not done:
        structlog.get_logger("packhouse").warning("did_not_end", what=what)
        task.cancel()
    elif not task.cancelled():
        task.result()


def _on_signals(server: uvicorn.Server, stopping: Callable[[], None]) -> asyncio.Future[None]:
    """A future that is done at the first SIGTERM, SIGINT or SIGHUP. The second closes connections at once.

    `stopping` is called by the handler itself, as the event loop may not run any more.
    A terminal that closes sends SIGHUP; under nohup it is ignored, and stays so.
    """
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[None] = loop.create_future()

    def stop_or_hurry() -> None:
        if stop.done():
            server.force_exit = True
        else:
            stop.set_result(None)

    def on_signal(_number: int, _frame: object) -> None:
        stopping()
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(stop_or_hurry)

    for number in _STOP_SIGNALS:
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, on_signal)
    return stop


def _address(sock: socket.socket) -> str:
    """The address that the socket listens on, as a URL."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _listen(settings: Settings) -> socket.socket:
    host, port = settings.http.host, settings.http.port
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
