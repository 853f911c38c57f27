"""Which settings are secret, their values (for redaction), and their masked form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import SecretStr

from packhouse.config.fields import find
from packhouse.config.settings import Settings
from packhouse.config.urls import MASK, masked_urls, passwords_in
from packhouse.setting_text import Kind

# Adapters declare their own options; an option with such a name is secret in every adapter.
_SECRET_NAME = re.compile(r"(?i)(key|token|secret|password|passphrase|credential)s?(_id)?$")

# libpq reads these itself.
LIBPQ_PASSWORDS = ("PGPASSWORD", "PGSSLPASSWORD")
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
    found.update((environ or {}).get(name, "") for name in LIBPQ_PASSWORDS)
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


def _is_word(path: Sequence[str]) -> bool:
    """Whether this secret has no blanks: all but the passwords of providers, which people choose."""
    return path[0] != "providers" or bool(re.search(r"(?i)(key|token)s?$", path[-1]))
