"""What in the settings will stop orders although each value is valid: sender, account mode, secrets' shape.

`config check`, `doctor` and readiness show the results. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packhouse.config.secret_shapes import unusual
from packhouse.config.settings import Settings
from packhouse.model.health import Check, Level
from packhouse.rules.address import faults
from packhouse.setting_text import shown_url

# Their labels carry no address that a carrier checks, or the program brings its own.
_SENDER_OPTIONAL = frozenset({"offline", "command"})
_TEST_KEY, _LIVE_KEY = "EZTK", "EZAK"
_EASYPOST = "https://api.easypost.com/"


def setup_checks(settings: Settings) -> list[Check]:
    """One check for each part; a part without a problem passes."""
    return [_sender(settings), *_modes(settings), *_secrets(settings)]


def sender_problems(settings: Settings) -> tuple[str, ...]:
    """What the sender's address lacks, in words."""
    found = [
        fault.replace("the recipient's name", "name or company").replace("postal code", "zip")
        for fault in faults(settings.ship_from.address)
    ]
    return tuple(found)


def _sender(settings: Settings) -> Check:
    problems = sender_problems(settings)
    if not problems:
        return Check("ship_from", Level.PASS, "the sender's address is complete")
    kinds = {kind for account, (kind, _) in settings.accounts().items() if account in settings.provider}
    level = Level.WARN if kinds <= _SENDER_OPTIONAL else Level.FAIL
    if settings.ship_from == type(settings.ship_from)():
        what = "[ship_from] is not set: labels have no sender"
    else:
        what = f"[ship_from] is incomplete: {'; '.join(problems)}"
    return Check(
        "ship_from", level, f"{what}. Set [ship_from] in packhouse.toml, or PACKHOUSE_SHIP_FROM__..."
    )


def _modes(settings: Settings) -> Iterator[Check]:
    for account, (kind, options) in settings.accounts().items():
        if kind == "easypost" and account in settings.provider:
            yield from _mode(settings, account, options)
        if kind == "offline" and account in settings.provider and _is_live(settings.store.url):
            unused = ", ".join(name for name in settings.providers if name not in settings.provider)
            also = f" [providers.{unused}] is set, and sells nothing." if unused else ""
            yield Check(
                f"mode {account}",
                Level.WARN,
                "it draws sample labels, which no carrier accepts, for orders of "
                f"{shown_url(settings.store.url)}.{also} Set `provider` to an account that sells labels, "
                "unless this is a trial.",
            )


def _mode(settings: Settings, account: str, options: Mapping[str, Any]) -> Iterator[Check]:
    key, name = str(options.get("api_key", "")).strip(), f"mode {account}"
    is_real = str(options.get("url", _EASYPOST)).startswith(_EASYPOST.rstrip("/"))
    wanted = _boolean(options.get("test_mode"))
    store = settings.store.url
    if key.startswith(_TEST_KEY):
        if wanted is False:
            yield Check(
                name, Level.FAIL, f"the key is a test key, and providers.{account}.test_mode is false"
            )
        elif _is_live(store) and is_real:
            level = Level.WARN if wanted else Level.FAIL
            yield Check(
                name,
                level,
                f"the key buys test labels, which no carrier accepts, for orders of {store}. Set the "
                f"production key (EZAK...), or providers.{account}.test_mode = true if this is a trial.",
            )
    elif key.startswith(_LIVE_KEY):
        if wanted:
            yield Check(
                name, Level.FAIL, f"the key is a production key, and providers.{account}.test_mode is true"
            )
        elif not _is_live(store) and is_real:
            yield Check(
                name,
                Level.FAIL,
                f"the key spends money on labels for the orders of a test store, {store}. Set a test key "
                "(EZTK...).",
            )


def _is_live(store_url: str) -> bool:
    """Whether this address may be a real store's; a sandbox has no TLS."""
    return store_url.startswith("https://")


def _boolean(value: object) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower())
    return bool(value) if value in (0, 1) else None


def _secrets(settings: Settings) -> Iterator[Check]:
    """Secrets that do not look like the store's; the store may change its secrets one day."""
    key = settings.store.api_key.get_secret_value()
    found: list[tuple[str, Sequence[str], str]] = [
        ("PACKHOUSE_STORE__API_KEY", [key] if key else [], "aly_"),
        (
            "PACKHOUSE_WEBHOOK__SECRETS",
            [secret.get_secret_value() for secret in settings.webhook.secrets],
            "whsec_",
        ),
    ]
    for name, values, beginning in found:
        if why := next(filter(None, (unusual(value, beginning) for value in values)), ""):
            yield Check("secrets", Level.WARN, f"{name} {why}")
