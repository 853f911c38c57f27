from __future__ import annotations

import pytest

from packhouse import errors
from packhouse_cli.exit_codes import CommandError, Exit, UsageError, failure_of, of_status


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.StoreUnauthorized("no", status=401), Exit.UNAUTHENTICATED),
        (errors.StoreForbidden("no", status=403), Exit.FORBIDDEN),
        (errors.StoreNotFound("no", status=404), Exit.NOT_FOUND),
        (errors.StoreConflict("no", status=409), Exit.CONFLICT),
        (errors.StoreRefused("no", status=422), Exit.CONFLICT),
        (errors.StoreThrottled("no", status=429), Exit.THROTTLED),
        (errors.StoreInvalidRequest("no", status=400), Exit.USAGE),
        (errors.StoreUnreachable("no"), Exit.NETWORK),
        (errors.StoreUnanswered("no"), Exit.NETWORK),
        (errors.StoreUnavailable("no", status=503), Exit.UNKNOWN),
        (errors.StoreUnreadable("no"), Exit.UNKNOWN),
        (errors.SettingsError("no"), Exit.USAGE),
        (errors.LedgerUnusable("no"), Exit.UNKNOWN),
        (UsageError("no"), Exit.USAGE),
        (of_status(404, "no"), Exit.NOT_FOUND),
        (of_status(503, "no"), Exit.UNKNOWN),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (PermissionError(13, "no"), Exit.UNKNOWN),
    ],
)
def test_each_error_has_its_exit_code(error: BaseException, code: Exit) -> None:
    assert failure_of(error).exit_code is code


def test_the_stores_list_of_wrong_fields_is_in_the_message() -> None:
    error = errors.StoreInvalidRequest(
        "The store refuses the request.",
        status=400,
        code="validation_failed",
        details=({"path": "line_items.0.quantity", "code": "too_small", "min": 1},),
    )
    failure = failure_of(error)
    assert "line_items.0.quantity: too_small" in failure.message
    assert failure.as_json() == {
        "error": {"code": "validation_failed", "message": failure.message, "exit_code": 2, "status": 400}
    }


def test_an_unexpected_error_is_named_and_says_how_to_see_more() -> None:
    failure = failure_of(KeyError("lines"))
    assert failure.exit_code is Exit.UNKNOWN
    assert "KeyError" in failure.message
    assert "PACKHOUSE_DEBUG" in failure.message


def test_a_command_error_keeps_its_status_for_programs() -> None:
    failure = failure_of(CommandError("gone", Exit.NOT_FOUND, "not_found", status=404))
    assert failure.as_json()["error"] == {
        "code": "not_found",
        "message": "gone",
        "exit_code": 5,
        "status": 404,
    }
