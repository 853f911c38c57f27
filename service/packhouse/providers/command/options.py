"""The options of an account of the kind command, and the environment that its programs get."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, field_validator

from packhouse.providers.options import Options, listed

# The program does not get Packhouse's own settings and keys.
_OWN_PREFIXES = ("PACKHOUSE_", "ALY_")


def _argv(value: Any) -> Any:
    """A command line as a list, or as text split the way a shell splits it."""
    if isinstance(value, str):
        return listed(value) if value.lstrip().startswith("[") else shlex.split(value)
    return value


Argv = Annotated[tuple[str, ...], BeforeValidator(_argv)]


class CommandOptions(Options):
    """The programs, each a list of arguments or one line. {order_id}, {reference} and {tracking_number} in
    an argument are replaced; no shell is involved."""

    argv: Argv = Field(
        default=("my-shipping-system", "create-label", "--order", "{order_id}", "--json"),
        min_length=1,
        description="Makes a label, or returns the one it already made for this reference.",
    )
    lookup: Argv = Field(
        default=(),
        description="Finds the label that was bought under a reference. Empty: no look-up is possible.",
    )
    void: Argv = Field(default=(), description="Voids a label. Empty: a person voids labels.")
    track: Argv = Field(default=(), description="Reports where a parcel is. Empty: parcels are not tracked.")
    carrier: str = Field(default="", description="The carrier's name, if the program does not return it.")
    service: str = Field(default="", description="The service's name, if the program does not return it.")
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(
        default="USD", description="ISO 4217 code of costs, if the program does not return it."
    )

    estimate_minor: int | None = Field(
        default=None,
        ge=1,
        description="What a label is expected to cost, in minor units of `currency`. Spending caps need it: "
        "the program reports the cost only with the label.",
    )

    @field_validator("argv", "lookup", "void", "track")
    @classmethod
    def _has_a_program(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value and not value[0].strip():
            raise ValueError("must start with the name of a program")
        if value and "{" in value[0]:
            raise ValueError("must not start with a placeholder: an order cannot choose the program")
        return value


def program_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What the program inherits: everything except Packhouse's settings and secrets."""
    return {name: value for name, value in environment.items() if not name.upper().startswith(_OWN_PREFIXES)}
