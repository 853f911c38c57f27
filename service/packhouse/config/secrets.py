"""Which settings are secret, their values (for redaction), and their masked form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import SecretStr

from packhouse.config.fields import find
from packhouse.config.settings import Settings

MASK = "********"

# Adapters declare their own options; an option with such a name is secret in every adapter.
_SECRET_NAME = re.compile(r"(?i)(key|token|secret|password|passphrase|credential)s?(_id)?$")
_USERINFO = re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]*)@")


def is_secret(path: Sequence[str]) -> bool:
    """Whether the value at this path must not be shown."""
    if path[0] == "providers":
        return bool(_SECRET_NAME.search(path[-1]))
    field = find(path)
    return field is not None and (field.annotation is SecretStr or SecretStr in get_args(field.annotation))


def may_come_from_file(path: Sequence[str]) -> bool:
    """Whether `..._FILE` may name a file with the value: for secrets, and for an address with a password."""
    return is_secret(path) or tuple(path) == ("ledger", "url")


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
        return _USERINFO.sub(rf"\1:{MASK}@", value)
    return value


def secret_values(settings: Settings) -> tuple[str, ...]:
    """Every secret that is set, including passwords inside URLs, for the log's redaction."""
    found = {settings.store.api_key.get_secret_value()}
    found.update(secret.get_secret_value() for secret in settings.webhook.secrets)
    found.update(settings.operator.names_by_token())
    found.update(match[2] for match in _USERINFO.finditer(settings.ledger.url))
    found.update(_in_options(("providers",), settings.providers))
    return tuple(sorted(found - {""}))


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
        yield from (match[2] for match in _USERINFO.finditer(value))
