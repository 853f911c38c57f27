"""What an operator sets under [providers.command], and which of our environment the program may see."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, field_validator

from packhouse.providers.options import Options, listed

# Our own keys are no business of the program.
_OURS = ("PACKHOUSE_", "ALY_")


def _argv(value: Any) -> Any:
    """A command line as a list, or as text split the way a shell splits it."""
    if isinstance(value, str):
        return listed(value) if value.lstrip().startswith("[") else shlex.split(value)
    return value


Argv = Annotated[tuple[str, ...], BeforeValidator(_argv)]


class CommandOptions(Options):
    """The programs, each a list of arguments or one line. {order_id}, {reference} and {tracking_number} in
    an argument are filled in; no shell is involved."""

    argv: Argv = Field(
        default=("my-shipping-system", "create-label", "--order", "{order_id}", "--json"),
        min_length=1,
        description="Makes a label, or finds the one it already made for this reference.",
    )
    lookup: Argv = Field(
        default=(), description="Tells what was bought under a reference; empty: nothing can."
    )
    void: Argv = Field(default=(), description="Takes a label back; empty: nothing can.")
    track: Argv = Field(default=(), description="Tells where a parcel is; empty: nothing can.")
    carrier: str = Field(default="", description="The carrier's name, where the program does not say it.")
    service: str = Field(default="", description="The service's name, where the program does not say it.")
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(
        default="USD", description="ISO 4217 code of costs, where the program does not say it."
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
    """What the program inherits: everything but our own settings and secrets."""
    return {name: value for name, value in environment.items() if not name.upper().startswith(_OURS)}
