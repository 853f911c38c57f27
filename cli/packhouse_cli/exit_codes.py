"""Every exit code, and the one place where an error becomes one.

0 to 8 are those of the store's own command line, so that scripts keep working; ours start at 10.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes. `MEANING` has a sentence for each."""

    OK = 0
    UNKNOWN = 1
    USAGE = 2
    UNAUTHENTICATED = 3
    FORBIDDEN = 4
    NOT_FOUND = 5
    CONFLICT = 6
    THROTTLED = 7
    NETWORK = 8
    LEDGER_UNUSABLE = 11
    PORT_TAKEN = 12
    UNFINISHED = 13
    CHECKS_FAILED = 14
    NOT_CONFIRMED = 15
    STOP_FORCED = 16
    LOOP_STALLED = 17
    DEMO_TIME_LIMIT = 20
    DEMO_SUMS_DIFFER = 21
    DEMO_PROCESS_DIED = 22
    INTERRUPTED = 130
    READER_LEFT = 141


MEANING: dict[Exit, str] = {
    Exit.OK: "Success.",
    Exit.UNKNOWN: "Another failure; the message names it.",
    Exit.USAGE: "The arguments or the settings are wrong, or the store answered 400.",
    Exit.UNAUTHENTICATED: "The key or token is missing, wrong or revoked (401).",
    Exit.FORBIDDEN: "The key or token lacks the permission (403).",
    Exit.NOT_FOUND: "The order, shipment or other resource does not exist (404).",
    Exit.CONFLICT: "The state does not allow the change, or the idempotency key was used before (409, 422).",
    Exit.THROTTLED: "Rate limited; wait and try again (429).",
    Exit.NETWORK: "No connection, or no response in time.",
    Exit.LEDGER_UNUSABLE: "packhouse serve: the ledger cannot be opened; the message says what to do.",
    Exit.PORT_TAKEN: "packhouse serve: the address or port is not available.",
    Exit.UNFINISHED: "packhouse apply, packhouse reconcile: not finished yet; run the same command again.",
    Exit.CHECKS_FAILED: "packhouse doctor: a check failed; its line says how to fix it.",
    Exit.NOT_CONFIRMED: "packhouse orders refund --wait: requested, but not confirmed within --wait-s.",
    Exit.STOP_FORCED: "packhouse serve: the stop took longer than worker.grace_s; nothing is lost.",
    Exit.LOOP_STALLED: "packhouse serve: one piece of work stopped all others for worker.watchdog_s.",
    Exit.DEMO_TIME_LIMIT: "packhouse demo: some orders were not finished within the time limit.",
    Exit.DEMO_SUMS_DIFFER: "packhouse demo: the totals do not match.",
    Exit.DEMO_PROCESS_DIED: "packhouse demo: the daemon or the sandbox stopped unexpectedly.",
    Exit.INTERRUPTED: "Interrupted by Ctrl-C.",
    Exit.READER_LEFT: "The program that read the output closed the pipe.",
}

BY_STATUS: dict[int, tuple[Exit, str]] = {
    400: (Exit.USAGE, "invalid_request"),
    401: (Exit.UNAUTHENTICATED, "unauthenticated"),
    403: (Exit.FORBIDDEN, "forbidden"),
    404: (Exit.NOT_FOUND, "not_found"),
    409: (Exit.CONFLICT, "conflict"),
    422: (Exit.CONFLICT, "refused"),
    429: (Exit.THROTTLED, "throttled"),
}


class CommandError(Exception):
    """A command failed. The message says what happened, to what, and what to do next."""

    def __init__(self, message: str, exit_code: Exit, code: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.code = code
        self.status = status


class UsageError(CommandError):
    """The arguments or the settings are wrong; nothing was sent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Exit.USAGE, "usage")


def of_status(status: int, message: str) -> CommandError:
    """The error for an HTTP status that is not a success."""
    exit_code, code = BY_STATUS.get(status, (Exit.UNKNOWN, "unavailable" if status >= 500 else "unexpected"))
    return CommandError(message, exit_code, code, status=status)


class Failure:
    """An error as a command reports it: its exit code, a short code for programs, and one line for people."""

    def __init__(self, exit_code: Exit, code: str, message: str, status: int | None = None) -> None:
        self.exit_code = exit_code
        self.code = code
        self.message = message
        self.status = status

    def as_json(self) -> dict[str, object]:
        """The error object that `--json` adds on standard error."""
        inner: dict[str, object] = {
            "code": self.code,
            "message": self.message,
            "exit_code": int(self.exit_code),
        }
        if self.status is not None:
            inner["status"] = self.status
        return {"error": inner}


def failure_of(error: BaseException) -> Failure:
    """Turn any error into its failure. An unexpected error gets a message too, never a bare traceback."""
    if isinstance(error, UsageError):
        return Failure(error.exit_code, error.code, str(error))
    if isinstance(error, CommandError):
        return Failure(error.exit_code, error.code, _in_one_line(error), error.status)
    if isinstance(error, KeyboardInterrupt):
        return Failure(Exit.INTERRUPTED, "interrupted", "Interrupted.")
    from packhouse import errors

    if isinstance(error, errors.SettingsError):
        return Failure(Exit.USAGE, "settings", str(error))
    if isinstance(error, errors.StoreError):
        return _of_store(error)
    if isinstance(error, errors.PackhouseError):
        return Failure(Exit.UNKNOWN, type(error).__name__, str(error))
    if isinstance(error, OSError):
        return Failure(Exit.UNKNOWN, "system", f"The operating system reports an error: {error}.")
    return Failure(
        Exit.UNKNOWN,
        "bug",
        f"Unexpected error ({type(error).__name__}: {_in_one_line(error)}). "
        "Set PACKHOUSE_DEBUG=1 to see where it happened, and please report it.",
    )


def _in_one_line(error: BaseException) -> str:
    """The message. It may quote a server, which must not begin a line of its own with it."""
    return str(error).replace("\n", "\\n")


def _of_store(error: Exception) -> Failure:
    from packhouse.errors import StoreError, StoreUnanswered, StoreUnreachable

    assert isinstance(error, StoreError)
    message = str(error)
    problems = [
        f"{problem.get('path', '?')}: {problem.get('code') or problem.get('message') or 'wrong'}"
        for problem in error.details
    ]
    missing = [problem for problem in problems if problem.split(":")[0] not in message]
    if missing:
        message = f"{message} ({'; '.join(missing)})"
    if isinstance(error, (StoreUnreachable, StoreUnanswered)):
        return Failure(Exit.NETWORK, "network", message)
    if error.status is not None:
        known = of_status(error.status, message)
        return Failure(known.exit_code, error.code or known.code, message, error.status)
    return Failure(Exit.UNKNOWN, error.code or "store", message)
