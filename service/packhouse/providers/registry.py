"""Finds adapters by kind, through entry points. Imports only those that are used."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from packhouse.errors import SettingsError
from packhouse.providers.port import Provider, ProviderContext

GROUP = "packhouse.providers"


def known_kinds() -> tuple[str, ...]:
    """The kinds that an account may have, in order. Imports no adapter."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def provider_class(kind: str, account: str = "") -> type[Provider]:
    """The adapter's class. `account` names the section in errors.

    Raises SettingsError if no package or more than one offers the kind, or if its module cannot be loaded.
    """
    account = account or kind
    found = tuple(entry_points(group=GROUP, name=kind))
    if not found:
        known = ", ".join(known_kinds()) or "none: is the package installed?"
        raise SettingsError(
            f"providers.{account}: there is no provider of the kind {kind!r}. Known kinds: {known}. Correct "
            f"PACKHOUSE_PROVIDER, or set PACKHOUSE_PROVIDERS__{account.upper()}__KIND. Packages add kinds "
            f"with an entry point in the group {GROUP}."
        )
    if len({point.value for point in found}) > 1:
        sources = ", ".join(f"{point.value} of {_package(point)}" for point in found)
        raise SettingsError(
            f"providers.{account}: two packages offer the kind {kind!r} ({sources}). Uninstall one of them."
        )
    point = found[0]
    try:
        loaded = point.load()
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"providers.{account}: the adapter {kind!r} ({point.value} of {_package(point)}) cannot be loaded"
            f": {error}. Repair or reinstall the package."
        ) from error
    if getattr(loaded, "kind", None) != kind or not callable(getattr(loaded, "from_settings", None)):
        raise SettingsError(
            f"providers.{account}: {point.value} is not an adapter of the kind {kind!r}: it needs "
            f"from_settings and kind = {kind!r}. Report this to the author of {_package(point)}."
        )
    return cast("type[Provider]", loaded)


def build_provider(kind: str, options: Mapping[str, Any], context: ProviderContext) -> Provider:
    """Build the account `context.account` from its options. Raises SettingsError."""
    return provider_class(kind, context.account).from_settings(options, context)


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unknown package"
