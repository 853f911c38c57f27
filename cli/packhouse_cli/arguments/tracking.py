"""The value of `--tracking`: one tracking number, read as everywhere else."""

from __future__ import annotations

from packhouse.model.tracking_number import NotATrackingNumber, read_tracking_number
from packhouse_cli.exit_codes import UsageError


def tracking_number(text: str) -> str:
    """The number as it is posted. Raises UsageError for what is no tracking number."""
    try:
        return read_tracking_number(text)
    except NotATrackingNumber as error:
        raise UsageError(f"--tracking {error}. Nothing was sent.") from None
