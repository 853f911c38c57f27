"""A key from the environment goes to no address from a file that was only found (decision 0024).

A `packhouse.toml` is found in the current folder, which may be someone else's: an archive, a clone, /tmp. The
file may bring its own keys, but must not decide where those of the environment are sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from packhouse.config.errors import Origins, written_as
from packhouse.config.fields import FieldPath, find, variable
from packhouse.config.secrets import LIBPQ_PASSWORDS, is_secret
from packhouse.config.settings import Settings
from packhouse.config.urls import passwords_in

# Options of an account that name a server, in the settings of any adapter.
_ADDRESS = re.compile(r"(?i)(^|_)(url|uri|host|hostname|port|server|endpoint|address|base|proxy)$")


def misdirected(settings: Settings, origins: Origins, environ: Mapping[str, str]) -> Iterator[str]:
    """One sentence for each key that such a file would have sent to an address of its own."""
    for key, address in _pairs(settings, origins):
        if not _is_found(key, origins) and _is_found(address, origins) and not _is_default(settings, address):
            yield _sentence(written_as(key, origins), address, origins)
    libpq = next((name for name in LIBPQ_PASSWORDS if environ.get(name)), "")
    has_own = any(passwords_in(settings.ledger.url))
    if libpq and not has_own and _is_found(("ledger", "url"), origins):
        yield _sentence(libpq, ("ledger", "url"), origins)


def _pairs(settings: Settings, origins: Origins) -> Iterator[tuple[FieldPath, FieldPath]]:
    """Each key that is set, with each setting that decides where it is sent."""
    if ("store", "api_key") in origins:
        yield ("store", "api_key"), ("store", "url")
    for account, options in settings.providers.items():
        of_account = {path for path in origins if path[:2] == ("providers", account)}
        addresses = [path for path in of_account if _is_address(path, options.get(path[-1]))]
        for key in sorted(path for path in of_account if is_secret(path)):
            yield from ((key, address) for address in sorted(addresses))


def _is_address(path: FieldPath, value: object) -> bool:
    has_scheme = isinstance(value, str) and "://" in value
    return not is_secret(path) and (has_scheme or bool(_ADDRESS.search(path[-1])))


def _is_found(path: FieldPath, origins: Origins) -> bool:
    origin = origins.get(path)
    return origin is not None and origin.is_found


def _is_default(settings: Settings, path: FieldPath) -> bool:
    field = find(path)
    if field is None or path[0] == "providers":
        return False
    value: object = settings
    for part in path:
        value = getattr(value, part)
    return bool(value == field.default)


def _sentence(key: str, address: FieldPath, origins: Origins) -> str:
    file = Path(origins[address].source).absolute()
    return (
        f"{key} would be sent to the address {'.'.join(address)} in {file}, which was found in the current "
        "folder and not named. If the file is yours, name it with --config or PACKHOUSE_CONFIG. Otherwise "
        f"set {variable(address)}, or leave the folder."
    )
