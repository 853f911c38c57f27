"""`packhouse doctor`: check everything that orders need to ship; each line is healthy or says the fix."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from packhouse.model.printable import escaped
from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import JSON, Option
from packhouse_cli.exit_codes import CommandError, Exit
from packhouse_cli.terminal.text import cut, padded, styled, wrap

if TYPE_CHECKING:
    from packhouse.model.health import Check
    from packhouse.store.client import StoreClient
    from packhouse_cli.commands.doctor.checks import Finding
    from packhouse_cli.invocation import Invocation
    from packhouse_cli.terminal.output import Terminal
    from packhouse_cli.user.settings import CliSettings

_MARKS = {
    "ok": ("healthy", "green"),
    "warning": ("warn", "yellow"),
    "failed": ("FAIL", "red"),
    "unknown": ("?", "dim"),
}
_MARK_WIDTH = 7
_NAME_WIDTH = 14


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Check everything and print a line each. Exit code 0 where nothing fails; there may be warnings."""
    terminal = invocation.terminal
    found: list[Finding] = []
    for finding in _findings(invocation, ask_rates=arguments.rate):
        found.append(finding)
        if not arguments.json:
            _print(finding, terminal)
    if arguments.json:
        terminal.json([finding._asdict() for finding in found])
    failed = sum(finding.state == "failed" for finding in found)
    if failed:
        terminal.note(f"{failed} of {len(found)} checks failed." if failed > 1 else "One check failed.")
    return int(Exit.CHECKS_FAILED if failed else Exit.OK)


def _findings(invocation: Invocation, *, ask_rates: bool) -> Iterator[Finding]:
    from packhouse_cli.commands.doctor.checks import (
        FAILED,
        OK,
        UNKNOWN,
        Finding,
        of_daemon,
        of_limit,
        of_store,
        of_webhook,
    )

    environ, settings = invocation.environ, invocation.settings
    daemon_settings, problems = _daemon_settings(environ)
    if problems:
        yield from (Finding("settings", FAILED, problem) for problem in problems)
    else:
        yield Finding("settings", OK, _settings_found(daemon_settings) + _profile_in_use(settings))
    if daemon_settings is not None and not _are_the_daemons(daemon_settings):
        daemon_settings = None
    try:
        from packhouse.store.client import StoreClient

        with StoreClient(settings.store_url, settings.api_key, timeout_s=settings.store_timeout_s) as store:
            reached = list(of_store(store, settings.store_url))
            yield from reached
            if len(reached) > 1:
                yield from of_webhook(store, settings.site_slug)
                yield of_limit(invocation.environ, settings)
                if daemon_settings is not None:
                    yield from of_exports(store, daemon_settings)
    except CommandError as error:
        yield Finding("store", FAILED, str(error))
    try:
        token, problem = _token(settings)
        yield from of_daemon(settings.daemon_url, token, problem)
    except CommandError as error:
        is_meant = bool(environ.get("PACKHOUSE_URL") or (settings.profile and settings.profile.daemon_url))
        fix = "Start it with `packhouse serve`, or set PACKHOUSE_URL to its address."
        yield Finding("daemon", FAILED if is_meant else UNKNOWN, str(error).removesuffix(fix).strip(), fix)
        if daemon_settings is not None:
            from packhouse.preflight import run_checks

            yield from _checked(run_checks(daemon_settings))
    if ask_rates:
        yield from _rates(daemon_settings)


def _daemon_settings(environ: Mapping[str, str]) -> tuple[Any, list[str]]:
    """The daemon's settings in this environment, or the problems with them."""
    from packhouse import config
    from packhouse.errors import SettingsError

    try:
        return config.load(environ=environ), []
    except SettingsError as error:
        return None, str(error).splitlines()


def _are_the_daemons(settings: Any) -> bool:
    """Whether these may be a daemon's settings, and not only what every command needs to reach the store."""
    return any(path[0] != "store" for path in settings.given)


def _settings_found(settings: Any) -> str:
    """Which settings were found; those of a daemon elsewhere cannot be judged here."""
    if _are_the_daemons(settings):
        return "all settings are valid"
    return "all settings are valid; the daemon's own are not here, so only the daemon itself can check them"


def _rates(daemon_settings: Any) -> Iterator[Finding]:
    """Test rates, with the daemon's settings as found here: no daemon asks for them."""
    from packhouse_cli.commands.doctor.checks import UNKNOWN, Finding

    if daemon_settings is None:
        yield Finding(
            "rates",
            UNKNOWN,
            "not asked, because the daemon's settings are not here, or are not valid",
            "Run doctor where the daemon runs, with its settings.",
        )
        return
    from packhouse.preflight import run_rate_checks

    yield from _checked(run_rate_checks(daemon_settings))


def of_exports(store: StoreClient, daemon_settings: Any) -> Iterator[Finding]:
    """Whether recent orders would be held at a customs border, with the daemon's settings as found here."""
    from packhouse.errors import StoreError
    from packhouse.preflight import run_export_checks
    from packhouse.store.requests import OrdersQuery
    from packhouse_cli.commands.doctor.checks import UNKNOWN, Finding

    try:
        page = store.orders(OrdersQuery(limit=50))
    except StoreError as error:
        yield Finding("exports", UNKNOWN, f"recent orders could not be read: {error}")
        return
    yield from _checked(run_export_checks(daemon_settings, page.orders))


def _checked(checks: Sequence[Check]) -> Iterator[Finding]:
    from packhouse_cli.commands.doctor.checks import FAILED, OK, WARN, Finding

    states = {"pass": OK, "warn": WARN, "fail": FAILED}
    yield from (Finding(check.name, states[check.level], check.reason) for check in checks)


def _profile_in_use(settings: CliSettings) -> str:
    return f"; profile {settings.profile.name} is in use" if settings.profile else ""


def _token(settings: CliSettings) -> tuple[str, str]:
    """The operator token, or "" and why there is none."""
    try:
        return settings.token, ""
    except CommandError as error:
        return "", str(error)


def _print(finding: Finding, terminal: Terminal) -> None:
    mark, colour = _MARKS[finding.state]
    indent = " " * (_MARK_WIDTH + 2 + _NAME_WIDTH + 2)
    width = max(20, (terminal.width or 10_000) - len(indent))
    texts = [finding.message, *([finding.fix] if finding.fix and finding.state != "ok" else [])]
    first, *rest = [line for text in texts for line in wrap(escaped(text), width)]
    terminal.line(
        styled(mark.ljust(_MARK_WIDTH), colour),
        f"  {padded(cut(escaped(finding.name), 40), _NAME_WIDTH)}  {first}",
    )
    for line in rest:
        terminal.line(indent + line)
    terminal.stdout.flush()


COMMAND = Command(
    "check settings, store, webhook, provider, database and disk",
    _run,
    (
        Option(
            "--rate", action="store_true", help="also ask each provider account for a test rate; never buys"
        ),
        JSON.but(help="print a JSON array of the results"),
    ),
    description="Check settings, clock, store, webhook, daemon, provider, database and disk. Each line is "
    "healthy, or says how to fix the problem. Nothing is changed. A running daemon (PACKHOUSE_URL, "
    "PACKHOUSE_TOKEN) checks its own database, disk and provider. If none answers, this command "
    "checks them with the daemon's settings, as found here. "
    f"Exit code {int(Exit.CHECKS_FAILED)}: at least one check failed.",
    examples=(
        "packhouse doctor",
        "packhouse doctor --rate",
        "packhouse doctor --json | jq '.[] | select(.state != \"ok\")'",
    ),
)
