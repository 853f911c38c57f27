"""Writes a label's file: whole or not at all, never through a link, over another only with `force`."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path

from packhouse_cli.exit_codes import CommandError, Exit

# File systems without hard links answer so.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)


def save(content: bytes, name: str, *, force: bool = False, mode: int = 0o666) -> str:
    """Write the file with this mode less the umask. Returns its name.

    A file with the same bytes counts as written. Raises CommandError where another file has this name, unless
    `force` replaces it, and where the file cannot be written.
    """
    place = Path(name)
    try:
        if _is_written(place, content, force):
            return str(place)
        fresh = place.with_name(f".{place.name}.{secrets.token_hex(4)}"[-200:])
        _create(fresh, content, mode)
        try:
            if force:
                fresh.replace(place)
            else:
                _name_it(fresh, place, content, mode)
        finally:
            fresh.unlink(missing_ok=True)
    except FileExistsError:
        raise _taken(name) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CommandError(f"Cannot write the label to {name} ({reason}).", Exit.UNKNOWN, "system") from error
    return str(place)


def _is_written(place: Path, content: bytes, force: bool) -> bool:
    """Whether these bytes are in the file already. Raises CommandError for what must not be replaced."""
    try:
        found = place.lstat()
    except FileNotFoundError:
        return False
    if stat.S_ISLNK(found.st_mode):
        if not force:
            raise _taken(name=str(place))
        return False
    if not stat.S_ISREG(found.st_mode):
        raise CommandError(
            f"{place} is a folder or a device, so no file was written. Name a file, or redirect standard "
            "output with -o -.",
            Exit.CONFLICT,
            "exists",
        )
    if found.st_size == len(content):
        with os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            if file.read(len(content) + 1) == content:
                return True
    if not force:
        raise _taken(str(place))
    return False


def _name_it(fresh: Path, place: Path, content: bytes, mode: int) -> None:
    """Give the written file its name. Raises FileExistsError where there is one by now."""
    try:
        os.link(fresh, place, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _create(place, content, mode)


def _create(file: Path, content: bytes, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(file, flags, mode), "wb") as opened:
        try:
            opened.write(content)
            opened.flush()
        except OSError:
            with contextlib.suppress(OSError):
                file.unlink()
            raise


def _taken(name: str) -> CommandError:
    return CommandError(
        f"{name} exists already, so nothing was written. Pass --force to replace it, or choose another name.",
        Exit.CONFLICT,
        "exists",
    )
