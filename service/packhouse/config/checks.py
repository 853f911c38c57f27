"""Checks across settings: values that conflict with each other, and placeholders of examples."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib.util import find_spec
from urllib.parse import urlsplit

from packhouse.config.fields import FieldPath
from packhouse.config.secret_shapes import impossible
from packhouse.config.settings import Settings
from packhouse.config.urls import database_url_problem, has_userinfo
from packhouse.errors import SettingsError

# Metrics, the journal and environment variables contain the names of accounts.
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9_-]*")
# The account of labels that a person bought elsewhere.
_MANUAL = "manual"

# SQLite's limit is 512 with the names of its other files.
_LONGEST_PATH = 500

# The sandbox's keys, which are public.
_SANDBOX_SECRETS = frozenset({"aly_sandbox", "whsec_sandbox"})


def conflicts(settings: Settings) -> Iterator[tuple[FieldPath, str]]:
    """For each conflict the field to change and a sentence with the problem and the fix."""
    yield from _times(settings)
    yield from _accounts(settings)
    yield from _secrets(settings)
    yield from _urls(settings)


def require_for_serving(settings: Settings) -> None:
    """Raise SettingsError if a setting is missing that has no default.

    Signing secrets and operators' tokens may be missing: webhooks and the operator API are then refused, and
    orders come by polling.
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


def _urls(settings: Settings) -> Iterator[tuple[FieldPath, str]]:
    if settings.ledger.url and (problem := database_url_problem(settings.ledger.url)):
        yield ("ledger", "url"), problem
    file = (settings.data_dir / "packhouse.db").absolute()
    if not settings.ledger.url and len(os.fsencode(file)) > _LONGEST_PATH:
        yield (
            ("data_dir",),
            f"is too long: the ledger's path would have {len(os.fsencode(file))} bytes, and SQLite opens "
            f"{_LONGEST_PATH} at most. Choose a folder with a shorter path.",
        )
    if has_userinfo(settings.store.url):
        yield (
            ("store", "url"),
            "contains a user or a password, which error messages would show. Remove it; the key belongs into "
            "PACKHOUSE_STORE__API_KEY.",
        )
    if set("?#") & set(settings.store.url):
        yield (
            ("store", "url"),
            "contains ? or #. Each call adds its own path and query. Remove them; a key belongs into "
            "PACKHOUSE_STORE__API_KEY.",
        )
    for account, (_, options) in settings.accounts().items():
        url = options.get("url")
        if isinstance(url, str) and (has_userinfo(url) or set("?#") & set(url)):
            yield (
                ("providers", account, "url"),
                "contains a user, a password, ? or #, which error messages could show. Remove them; keys "
                "have options of their own.",
            )


def _times(settings: Settings) -> Iterator[tuple[FieldPath, str]]:
    longest = settings.store.timeout_s + settings.provider_timeout_s + settings.provider_settle_s
    if settings.lease_s <= longest:
        yield (
            ("lease_s",),
            f"is {settings.lease_s:g}, but must exceed {longest:g}, the duration of the longest purchase: "
            "store.timeout_s + provider_timeout_s + provider_settle_s. Raise it, or lower one of those.",
        )
    if settings.retry.max_s < settings.retry.base_s:
        yield (
            ("retry", "max_s"),
            f"is {settings.retry.max_s:g}, less than the first wait, retry.base_s = "
            f"{settings.retry.base_s:g}. Raise it, or lower retry.base_s.",
        )
    if settings.poll.full_poll_s < settings.poll.interval_s:
        yield (
            ("poll", "full_poll_s"),
            f"is {settings.poll.full_poll_s:g}, less than poll.interval_s = {settings.poll.interval_s:g}, "
            "so every poll would be a full poll. Raise it, or lower poll.interval_s.",
        )


def _accounts(settings: Settings) -> Iterator[tuple[FieldPath, str]]:
    if len(set(settings.provider)) < len(settings.provider):
        yield ("provider",), "names the same account twice. Remove one."
    for account, (kind, _) in settings.accounts().items():
        path = ("providers", account) if account in settings.providers else ("provider",)
        if not _ACCOUNT.fullmatch(account):
            yield path, f"has the account name {account!r}. Use lower-case letters, digits, - and _."
        elif account == _MANUAL:
            yield path, f"has the account name {account!r}, which Packhouse uses itself. Choose another name."
        if not kind.strip():
            yield (*path, "kind"), "is empty. Set the kind of the provider, or remove it."


def _secrets(settings: Settings) -> Iterator[tuple[FieldPath, str]]:
    tokens = settings.operator.names_by_token()
    if len(tokens) < len(settings.operator.tokens):
        yield ("operator", "tokens"), "has the same token twice. Give every person their own token."
    given: dict[FieldPath, tuple[list[str], tuple[str, ...]]] = {
        ("store", "api_key"): ([settings.store.api_key.get_secret_value()], ("aly_",)),
        ("webhook", "secrets"): (
            [secret.get_secret_value() for secret in settings.webhook.secrets],
            ("whsec_",),
        ),
        ("operator", "tokens"): (list(tokens), ()),
        **{path: ([key], ("EZAK", "EZTK")) for path, key in _provider_keys(settings)},
    }
    for path, (values, own) in given.items():
        wrong = next(filter(None, (impossible(value, but=own) for value in values if value)), "")
        if wrong:
            yield path, wrong
        elif _is_real(settings.store.url) and _SANDBOX_SECRETS.intersection(values):
            yield path, "is the sandbox's public value. A real store needs its own."


def _provider_keys(settings: Settings) -> Iterator[tuple[FieldPath, str]]:
    """The API key of each account whose section has one as text."""
    for account, (_, options) in settings.accounts().items():
        key = options.get("api_key")
        if isinstance(key, str) and key.strip():
            yield ("providers", account, "api_key"), key.strip()


def _is_real(store_url: str) -> bool:
    """Whether this address may be a real store's; the sandbox has no TLS."""
    return urlsplit(store_url).scheme == "https"
