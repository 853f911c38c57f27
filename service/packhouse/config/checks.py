"""Settings that are each right and do not go together, and examples that were never filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from urllib.parse import urlsplit

from packhouse.config.fields import FieldPath
from packhouse.config.settings import Settings
from packhouse.errors import SettingsError

# A whole value that is still what an example showed.
_PLACEHOLDER = re.compile(
    r"(?i)(whsec_|aly_)?(change[-_ ]?me|replace[-_ ]?me|your[-_ ].*|<.*>|\.{2,}|…|x{4,}|secret)"
)

# What the sandbox is opened with; everybody knows them.
_SANDBOX_SECRETS = frozenset({"aly_sandbox", "whsec_sandbox"})


def disagreements(settings: Settings) -> Iterator[tuple[FieldPath, str]]:
    """Each fault as the field to change and what is wrong with it, with the fix."""
    yield from _times(settings)
    yield from _secrets(settings)
    if settings.ledger.url and not re.match(r"(sqlite|postgresql)(\+\w+)?://", settings.ledger.url):
        yield (
            ("ledger", "url"),
            "must begin with sqlite:/// or postgresql+psycopg://. "
            "Correct it, or remove it to have SQLite in the data folder.",
        )


def require_for_serving(settings: Settings) -> None:
    """Refuse to start without what has no default. Raises SettingsError.

    Signing secrets and operators' tokens may be missing: their doors then stay closed, and orders are polled.
    """
    if not settings.store.api_key.get_secret_value():
        raise SettingsError(
            "PACKHOUSE_STORE__API_KEY is missing: the store's API key with read:orders and write:orders. "
            "Set it, or ALY_API_KEY, or name a file that holds it in PACKHOUSE_STORE__API_KEY_FILE."
        )
    if settings.ledger_url.startswith("postgresql") and find_spec("psycopg") is None:
        raise SettingsError(
            "PACKHOUSE_LEDGER__URL names a PostgreSQL server, and its driver is not installed: "
            "pip install 'packhouse[postgres]'"
        )


def _times(settings: Settings) -> Iterator[tuple[FieldPath, str]]:
    longest = settings.store.timeout_s + settings.provider_timeout_s + settings.provider_settle_s
    if settings.lease_s <= longest:
        yield (
            ("lease_s",),
            f"is {settings.lease_s:g}, but a lease must outlast a purchase: more than {longest:g}, which is "
            "store.timeout_s + provider_timeout_s + provider_settle_s. Raise it, or lower one of those.",
        )
    if settings.retry.max_s < settings.retry.base_s:
        yield (
            ("retry", "max_s"),
            f"is {settings.retry.max_s:g}, less than the first wait, retry.base_s = "
            f"{settings.retry.base_s:g}. Raise it, or lower that.",
        )
    if settings.poll.full_poll_s < settings.poll.interval_s:
        yield (
            ("poll", "full_poll_s"),
            f"is {settings.poll.full_poll_s:g}, less than poll.interval_s = {settings.poll.interval_s:g}, "
            "so that every poll would be a full one. Raise it, or lower that.",
        )


def _secrets(settings: Settings) -> Iterator[tuple[FieldPath, str]]:
    tokens = settings.operator.names_by_token()
    if len(tokens) < len(settings.operator.tokens):
        yield ("operator", "tokens"), "gives the same token twice. Give every person a token of their own."
    given: dict[FieldPath, list[str]] = {
        ("store", "api_key"): [settings.store.api_key.get_secret_value()],
        ("webhook", "secrets"): [secret.get_secret_value() for secret in settings.webhook.secrets],
        ("operator", "tokens"): list(tokens),
    }
    for path, values in given.items():
        if any(_PLACEHOLDER.fullmatch(value) for value in values):
            yield path, "is still the placeholder of an example. Put the real value there."
        elif _is_real(settings.store.url) and _SANDBOX_SECRETS.intersection(values):
            yield path, "is the sandbox's, which everybody knows. A real store needs its own."


def _is_real(store_url: str) -> bool:
    """Whether orders of a real shop may be behind this address; the sandbox never speaks TLS."""
    return urlsplit(store_url).scheme == "https"
