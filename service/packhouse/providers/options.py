"""An adapter's own options: a [providers.NAME] section, validated by the adapter's model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from packhouse.errors import SettingsError


class Options(BaseModel):
    """The base class of adapters' options. Unknown names are refused, so that a typing error shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Read = TypeVar("Read", bound=Options)


def read_options(account: str, model: type[Read], options: Mapping[str, Any]) -> Read:
    """Validate the section of an account.

    Raises SettingsError, which names each wrong option, its environment variable and the fix. The message
    never repeats a value: it may be a secret.
    """
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
    lines = [_sentence(account, model, one["loc"], one["type"], one["msg"]) for one in found]
    raise SettingsError("\n".join(lines))


def _sentence(
    account: str, model: type[Options], place: tuple[int | str, ...], kind: str, message: str
) -> str:
    option = ".".join(("providers", account, *map(str, place)))
    variable = f"PACKHOUSE_PROVIDERS__{account.upper()}__" + "__".join(str(part).upper() for part in place)
    if kind == "extra_forbidden":
        known = ", ".join(sorted(("kind", "free_rates", *model.model_fields)))
        return f"{option} is not an option of this provider. Its options: {known}."
    if kind == "missing":
        return f"{option} is missing. Set it in packhouse.toml or as {variable}."
    return (
        f"{option}: {message.removeprefix('Value error, ')}. Correct it in packhouse.toml or in {variable}."
    )


def listed(value: Any) -> Any:
    """Read a list written as JSON or with commas, as an environment variable holds only text."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("["):
        return json.loads(text)
    return [part.strip() for part in text.split(",") if part.strip()]
