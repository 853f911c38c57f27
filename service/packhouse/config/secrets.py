"""Which settings are secret, their values (for redaction), and their masked form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import SecretStr

from packhouse.config.fields import find, variable
from packhouse.config.settings import Settings
from packhouse.config.urls import MASK, masked_urls, passwords_in
from packhouse.model.health import Check, Level
from packhouse.setting_text import Kind

# Adapters declare their own options; an option with such a name is secret in every adapter.
_SECRET_NAME = re.compile(r"(?i)(key|token|secret|password|passphrase|credential)s?(_id)?$")

# How the secrets of a kind begin: where they belong, and what they are.
_PREFIXES: dict[str, tuple[tuple[str, ...], str]] = {
    "whsec_": (("webhook", "secrets"), "a webhook's signing secret"),
    "aly_": (("store", "api_key"), "a key of the store"),
    "EZTK": (("providers", "easypost", "api_key"), "a test key of EasyPost"),
    "EZAK": (("providers", "easypost", "api_key"), "a production key of EasyPost"),
}
_SHORT = 8
# libpq reads these itself.
_LIBPQ = ("PGPASSWORD", "PGSSLPASSWORD")
# Passwords that are words of our own log lines.
_WORDS = re.compile(
    "(?i)admin|changeme|database|event|example|info|labels?|ledger|level|local|localhost|orders?|packhouse|pass|"
    "passw(or)?d|postgres|postgresql|provider|replica|root|secret|serving|shipments?|source|store|test|timestamp|"
    "token|user|warning|webhooks?"
)


def is_secret(path: Sequence[str]) -> bool:
    """Whether the value at this path must not be shown."""
    if path[0] == "providers":
        return bool(_SECRET_NAME.search(path[-1]))
    field = find(path)
    return field is not None and (field.annotation is SecretStr or SecretStr in get_args(field.annotation))


def may_come_from_file(path: Sequence[str]) -> bool:
    """Whether `..._FILE` may name a file with the value: for secrets, and for an address with a password."""
    return is_secret(path) or tuple(path) == ("ledger", "url")


def kind_of(path: Sequence[str]) -> Kind:
    """What the value at this path may contain, which decides how its text is read."""
    field = find(path)
    if field is None or is_secret(path):
        listed = field is not None and get_origin(field.annotation) is tuple
        return Kind.LIST if listed else Kind.COMPACT if _is_word(path) else Kind.TEXT
    if path[-1] in ("url", "host", "kind"):
        return Kind.COMPACT
    if field.annotation in (str, Path):
        return Kind.TEXT
    if get_origin(field.annotation) is dict:
        return Kind.TEXT
    return Kind.LIST if get_origin(field.annotation) is tuple else Kind.COMPACT


def masked(path: Sequence[str], value: Any) -> Any:
    """The value with all secrets masked."""
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    if isinstance(value, dict):
        return {name: masked((*path, str(name)), part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [masked(path, part) for part in value]
    if is_secret(path):
        return MASK if value else value
    if isinstance(value, str):
        return masked_urls(value)
    return value


def secret_values(settings: Settings, environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Every secret that is set, for the log's redaction: also passwords inside URLs, and that of libpq.

    A password that is an ordinary word of our own log lines is left out: it is hidden where it stands as a
    password, and hiding the word everywhere would make the log unreadable and tell the password.
    """
    found = {settings.store.api_key.get_secret_value()}
    found.update(secret.get_secret_value() for secret in settings.webhook.secrets)
    found.update(settings.operator.names_by_token())
    found.update(passwords_in(settings.ledger.url), passwords_in(settings.store.url))
    found.update(_in_options(("providers",), settings.providers))
    found.update((environ or {}).get(name, "") for name in _LIBPQ)
    return tuple(sorted(value for value in found if value and not _WORDS.fullmatch(value)))


def _in_options(path: tuple[str, ...], value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _in_options((*path, str(name)), part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _in_options(path, part)
    elif isinstance(value, str):
        if is_secret(path):
            yield value
        yield from passwords_in(value)


def secret_problem(path: Sequence[str], value: str) -> str:
    """What makes a secret impossible, with the fix, or "". Repeats nothing of the secret."""
    if not value:
        return ""
    if _is_word(path) and (not value.isascii() or not value.isprintable() or " " in value):
        return "contains a blank, a line break or another character that no key has. Copy the value again."
    if _is_word(path) and (value[0] in "\"'`" or value[-1] in "\"'`"):
        return "is in quotes. Remove the quotes."
    for prefix, (owner, what) in _PREFIXES.items():
        if value.startswith(prefix) and owner != tuple(path) and not owner[0] == path[0] == "providers":
            return f"is {what} ({prefix}...), which belongs into {variable(owner)}. Exchange the values."
    return ""


def check_secrets(settings: Settings) -> Sequence[Check]:
    """For each secret that is set, whether it has the shape of its kind. Shows no part of a secret."""
    checks = []
    for path, value in secrets_of(settings):
        name = f"secret {variable(path)}"
        if problem := secret_problem(path, value):
            checks.append(Check(name, Level.FAIL, problem))
        elif doubt := _doubt(path, value):
            checks.append(Check(name, Level.WARN, doubt))
        else:
            checks.append(Check(name, Level.PASS, f"has the shape of its kind, {len(value)} characters"))
    return checks


def secrets_of(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    """The path and the value of each secret that is set; of an operator's pair, the token alone."""
    if key := settings.store.api_key.get_secret_value():
        yield ("store", "api_key"), key
    for secret in settings.webhook.secrets:
        yield ("webhook", "secrets"), secret.get_secret_value()
    for token in settings.operator.names_by_token():
        yield ("operator", "tokens"), token
    for account, options in settings.providers.items():
        for option, value in options.items():
            path = ("providers", account, option)
            if isinstance(value, str) and value and is_secret(path):
                yield path, value


def _is_word(path: Sequence[str]) -> bool:
    """Whether this secret has no blanks: all but the passwords of providers, which people choose."""
    return path[0] != "providers" or bool(re.search(r"(?i)(key|token)s?$", path[-1]))


def _doubt(path: Sequence[str], value: str) -> str:
    """Why a possible secret is probably a wrong one, or ""."""
    expected = next((prefix for prefix, (owner, _) in _PREFIXES.items() if owner == tuple(path)), "")
    if expected and not value.startswith(expected):
        return f"does not begin with {expected}, as the store's own do. Compare it with the store's page."
    if len(value) < _SHORT:
        return f"has {len(value)} characters, fewer than any real one. Compare it with its origin."
    return ""
