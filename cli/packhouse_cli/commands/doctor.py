"""`packhouse doctor`: everything that must be right for orders to ship, each line ok or with its fix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from packhouse_cli.arguments.parsing import CommandParser, add_json
from packhouse_cli.exit_codes import CommandError, Exit
from packhouse_cli.terminal.cells import wrap
from packhouse_cli.terminal.output import Terminal, safe
from packhouse_cli.user.settings import CliSettings

if TYPE_CHECKING:
    from packhouse_cli.diagnosis import Finding

_MARKS = {
    "ok": ("ok", "green"),
    "warning": ("warn", "yellow"),
    "wrong": ("WRONG", "red"),
    "not seen": ("?", "dim"),
}


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Look at everything, print a line each. 0: nothing is wrong (there may be warnings)."""
    parser = CommandParser(
        prog="packhouse doctor",
        description="Look at settings, clock, store, webhook, daemon, carrier, database, disk: each is ok\n"
        "or says the fix. Nothing is changed. A daemon (PACKHOUSE_URL, PACKHOUSE_TOKEN) is asked; where\n"
        "none answers, database, disk and carrier are looked at with its settings, read here.\n"
        f"Exit code {int(Exit.NOT_WELL)}: at least one line is wrong.",
        examples=["packhouse doctor", "packhouse doctor --json | jq '.[] | select(.state != \"ok\")'"],
    )
    add_json(parser, "print a JSON array of what was found")
    arguments = parser.parse_args(argv)
    found: list[Finding] = []
    for finding in _findings(environ):
        found.append(finding)
        if not arguments.json:
            _print(finding, terminal)
    if arguments.json:
        terminal.json([finding._asdict() for finding in found])
    wrong = sum(finding.state == "wrong" for finding in found)
    if wrong:
        terminal.note(f"{wrong} of {len(found)} are wrong." if wrong > 1 else "One thing is wrong.")
    return int(Exit.NOT_WELL if wrong else Exit.OK)


def _findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    from packhouse_cli.diagnosis import OK, UNSEEN, WRONG, Finding, of_daemon, of_store, of_webhook

    settings = CliSettings(environ)
    house, faults = _house(environ)
    if faults:
        yield from (Finding("settings", WRONG, fault) for fault in faults)
    else:
        yield Finding("settings", OK, "all can be read" + _named(settings))
    try:
        from packhouse.store.client import StoreClient

        with StoreClient(settings.store_url, settings.api_key, timeout_s=settings.store_timeout_s) as store:
            reached = list(of_store(store, settings.store_url))
            yield from reached
            if len(reached) > 1:
                yield from of_webhook(store, settings.site_slug)
    except CommandError as error:
        yield Finding("store", WRONG, str(error))
    try:
        yield from of_daemon(settings.daemon_url, _token(settings))
    except CommandError as error:
        is_meant = bool(environ.get("PACKHOUSE_URL") or (settings.profile and settings.profile.daemon_url))
        fix = "Start it with `packhouse serve`, or say where it is with PACKHOUSE_URL."
        yield Finding("daemon", WRONG if is_meant else UNSEEN, str(error).removesuffix(fix).strip(), fix)
        if house is not None:
            yield from _checked(house)


def _house(environ: Mapping[str, str]) -> tuple[Any, list[str]]:
    """The daemon's settings in this environment, or what is wrong with them."""
    from packhouse import config
    from packhouse.errors import SettingsError

    try:
        return config.load(environ=environ), []
    except SettingsError as error:
        return None, str(error).splitlines()


def _checked(house: Any) -> Iterator[Finding]:
    from packhouse.preflight import look
    from packhouse_cli.diagnosis import OK, WARN, WRONG, Finding

    states = {"pass": OK, "warn": WARN, "fail": WRONG}
    yield from (Finding(check.name, states[check.level], check.reason) for check in look(house))


def _named(settings: CliSettings) -> str:
    return f"; profile {settings.profile.name} is in use" if settings.profile else ""


def _token(settings: CliSettings) -> str:
    try:
        return settings.token
    except CommandError:
        return ""


def _print(finding: Finding, terminal: Terminal) -> None:
    word, colour = _MARKS[finding.state]
    head = f"{terminal.paint(word.ljust(5), colour)}  {safe(finding.name).ljust(14)}  "
    indent = " " * (5 + 2 + 14 + 2)
    width = max(20, (terminal.width or 10_000) - len(indent))
    texts = [finding.seen, *([finding.fix] if finding.fix and finding.state != "ok" else [])]
    lines = [line for text in texts for line in wrap(safe(text), width)]
    for number, line in enumerate(lines):
        terminal.line((head if not number else indent) + line)
    terminal.stdout.flush()
