"""An adapter's own options: the [providers.NAME] section, read into the adapter's model or refused by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from packhouse.errors import SettingsError


class Options(BaseModel):
    """What adapters derive their options from; unknown names are refused, so that a typing error is seen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Read = TypeVar("Read", bound=Options)


def read_options(provider: str, model: type[Read], options: Mapping[str, Any]) -> Read:
    """Validate a section. Raises SettingsError naming each wrong option, its environment name and the fix.

    The message never repeats a value: it may be a secret.
    """
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
    lines = [_fault(provider, model, fault["loc"], fault["type"], fault["msg"]) for fault in faults]
    raise SettingsError("\n".join(lines))


def _fault(provider: str, model: type[Options], place: tuple[int | str, ...], kind: str, message: str) -> str:
    name = ".".join(str(part) for part in place)
    variable = f"PACKHOUSE_PROVIDERS__{provider.upper()}__" + "__".join(str(part).upper() for part in place)
    if kind == "extra_forbidden":
        known = ", ".join(sorted(model.model_fields))
        return f"carriers.{provider}.{name} is not an option of this provider. It knows: {known}."
    if kind == "missing":
        return f"carriers.{provider}.{name} is missing. Set it in packhouse.toml or as {variable}."
    said = message.removeprefix("Value error, ")
    return f"carriers.{provider}.{name}: {said}. Correct it there or in {variable}."


def listed(value: Any) -> Any:
    """Read a list written as JSON or with commas, as environments can only carry text."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("["):
        return json.loads(text)
    return [part.strip() for part in text.split(",") if part.strip()]
