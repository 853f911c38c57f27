"""How a command ends: every exit code, and the one place where an error becomes one.

0 to 8 are those of the store's own command line, so that scripts keep their meaning; ours start at 10.
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
    NOT_WELL = 14
    NOT_CONFIRMED = 15
    DEMO_TIME_LIMIT = 20
    DEMO_SUMS_DIFFER = 21
    DEMO_PROCESS_DIED = 22
    INTERRUPTED = 130
    READER_LEFT = 141


MEANING: dict[Exit, str] = {
    Exit.OK: "It is done.",
    Exit.UNKNOWN: "Something failed that no other code names; the message says what.",
    Exit.USAGE: "The arguments or settings are wrong (also the store's 400).",
    Exit.UNAUTHENTICATED: "The key or token is missing, wrong or revoked (401).",
    Exit.FORBIDDEN: "The key or token may not do this (403).",
    Exit.NOT_FOUND: "No such thing (404).",
    Exit.CONFLICT: "The state forbids it, or a key was used for something else (409, 422).",
    Exit.THROTTLED: "Too many calls; wait and try again (429).",
    Exit.NETWORK: "No connection, or no answer in time.",
    Exit.LEDGER_UNUSABLE: "packhouse serve: the ledger cannot be opened; the message says how to go on.",
    Exit.PORT_TAKEN: "packhouse serve: the address or port to listen on cannot be had.",
    Exit.UNFINISHED: "packhouse apply: some acts have no end yet; run the same command again.",
    Exit.NOT_WELL: "packhouse doctor: something is wrong; each such line says the fix.",
    Exit.NOT_CONFIRMED: "packhouse orders refund --wait: requested, and not confirmed within --wait-s.",
    Exit.DEMO_TIME_LIMIT: "packhouse demo: not everything was settled within the time limit.",
    Exit.DEMO_SUMS_DIFFER: "packhouse demo: the books do not agree.",
    Exit.DEMO_PROCESS_DIED: "packhouse demo: the daemon or the sandbox ended by itself.",
    Exit.INTERRUPTED: "Ended by Ctrl-C.",
    Exit.READER_LEFT: "The program that read the output closed it.",
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
    """A command cannot go on. The message is one line: what happened, to what, and what to do."""

    def __init__(self, message: str, exit_code: Exit, code: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.code = code
        self.status = status


class UsageError(CommandError):
    """The arguments or the settings are wrong; nothing was sent anywhere."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Exit.USAGE, "usage")


def of_status(status: int, message: str) -> CommandError:
    """The error for an HTTP answer that is not a success."""
    exit_code, code = BY_STATUS.get(status, (Exit.UNKNOWN, "unavailable" if status >= 500 else "unexpected"))
    return CommandError(message, exit_code, code, status=status)


class Ending:
    """What is told of an error: its exit code, a short code for programs, and one line for people."""

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


def ending_of(error: BaseException) -> Ending:
    """Turn any error into its ending. An error nobody foresaw is named, never shown as a bare traceback."""
    if isinstance(error, CommandError):
        return Ending(error.exit_code, error.code, str(error), error.status)
    if isinstance(error, KeyboardInterrupt):
        return Ending(Exit.INTERRUPTED, "interrupted", "Interrupted.")
    from packhouse import errors

    if isinstance(error, errors.SettingsError):
        return Ending(Exit.USAGE, "settings", str(error))
    if isinstance(error, errors.StoreError):
        return _of_store(error)
    if isinstance(error, errors.PackhouseError):
        return Ending(Exit.UNKNOWN, type(error).__name__, str(error))
    if isinstance(error, OSError):
        return Ending(Exit.UNKNOWN, "system", f"The system refused: {error}.")
    return Ending(
        Exit.UNKNOWN,
        "bug",
        f"Packhouse met an error it does not know ({type(error).__name__}: {error}). "
        "PACKHOUSE_DEBUG=1 shows where; please report it.",
    )


def _of_store(error: Exception) -> Ending:
    from packhouse.errors import StoreError, StoreUnanswered, StoreUnreachable

    assert isinstance(error, StoreError)
    message = str(error)
    faults = [
        f"{fault.get('path', '?')}: {fault.get('code') or fault.get('message') or 'wrong'}"
        for fault in error.details
    ]
    unsaid = [fault for fault in faults if fault.split(":")[0] not in message]
    if unsaid:
        message = f"{message} ({'; '.join(unsaid)})"
    if isinstance(error, (StoreUnreachable, StoreUnanswered)):
        return Ending(Exit.NETWORK, "network", message)
    if error.status is not None:
        known = of_status(error.status, message)
        return Ending(known.exit_code, error.code or known.code, message, error.status)
    return Ending(Exit.UNKNOWN, error.code or "store", message)
