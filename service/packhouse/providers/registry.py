"""Finds adapters by name: built-in ones, like strangers', by entry point. Imports only what is used."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from packhouse.errors import SettingsError
from packhouse.providers.port import Provider, ProviderContext

GROUP = "packhouse.providers"


def known_providers() -> tuple[str, ...]:
    """The names that PACKHOUSE_PROVIDER may have, in order. Imports no adapter."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def provider_class(name: str) -> type[Provider]:
    """The adapter's class. Raises SettingsError if no package offers it, two do, or its module fails."""
    found = tuple(entry_points(group=GROUP, name=name))
    if not found:
        known = ", ".join(known_providers()) or "none: is the package installed?"
        raise SettingsError(
            f"carrier: there is no adapter {name!r}. Set PACKHOUSE_PROVIDER to one of: {known}. "
            f"Others come as packages with an entry point in the group {GROUP}."
        )
    if len({point.value for point in found}) > 1:
        sources = ", ".join(f"{point.value} of {_package(point)}" for point in found)
        raise SettingsError(f"carrier: {name!r} is offered twice ({sources}). Uninstall one of the packages.")
    point = found[0]
    try:
        loaded = point.load()
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"carrier: the adapter {name!r} ({point.value} of {_package(point)}) cannot be loaded: {error}. "
            "Repair or reinstall its package."
        ) from error
    if getattr(loaded, "name", None) != name or not callable(getattr(loaded, "from_settings", None)):
        raise SettingsError(
            f"carrier: {point.value} is not the adapter {name!r}: it needs from_settings and this name. "
            "Tell the author of its package."
        )
    return cast("type[Provider]", loaded)


def build_provider(name: str, options: Mapping[str, Any], context: ProviderContext) -> Provider:
    """The adapter, built from its section. Raises SettingsError."""
    return provider_class(name).from_settings(options, context)


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unknown package"
