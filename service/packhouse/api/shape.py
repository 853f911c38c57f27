"""The base of the operator API's bodies."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel


class Shape(BaseModel, from_attributes=True):
    """A body that is built from the attributes of a value."""

    @classmethod
    def of(cls, value: object) -> Self:
        """Build it from the value."""
        return cls.model_validate(value)
