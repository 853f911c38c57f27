"""Path and query parameters that several routes share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator

from packhouse.api import errors
from packhouse.api.texts import identifier

Id = Annotated[str, Path(min_length=1, max_length=300), AfterValidator(identifier)]
Limit = Annotated[int, Query(ge=1, le=500, description="The most rows to return.")]

# The errors that an operation on a record may return.
REFUSALS = {**errors.NOT_FOUND, **errors.REFUSED}
