"""Reads the text of a setting as people and tools write it: quotes, comments, byte-order marks, line ends.

What is certainly no part of the value is removed. Unclear text is refused: UnclearText gives the reason and
the fix, and repeats nothing of the text, which may be a secret.
"""

from __future__ import annotations

import os
import re
import stat
from enum import Enum
from urllib.parse import urlsplit

_BLANKS = " \t\r\n\f\v\u00a0\ufeff\u200b\u200e\u200f\u2060"
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb"}
_OUR_ASSIGNMENT = re.compile(r"(?:export\s+)?((?:PACKHOUSE|ALY)_\w+)\s*=", re.IGNORECASE)
_COMMENT = re.compile(r"(?:^|\s)#.*")


def shown_url(url: str) -> str:
    """A URL for a message: without user, password, query and fragment, any of which may be a secret."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(an address that cannot be read)"
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{port}{parts.path}" if host else "(an address without a host)"


class UnclearText(ValueError):
    """The text could mean several things or nothing. The message completes "NAME ..."."""


class Kind(Enum):
    """What a value may contain. This decides what is certainly no part of it."""

    COMPACT = 1
    """One word without blanks: a secret, a number, a URL."""
    LIST = 2
    """Several values, with commas or lines, or JSON."""
    TEXT = 3
    """Anything, such as a name, a street or a folder."""


def name_as_meant(name: str) -> str:
    """The name of a variable without what a badly read env file adds: `export `, a byte-order mark."""
    return name.strip(_BLANKS).removeprefix("export ").strip(_BLANKS)


def decoded(content: bytes) -> str:
    """The text of a file. Raises UnclearText where it is not UTF-8, nor UTF-16 with a byte-order mark."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise UnclearText("is not UTF-8 text. Save it as UTF-8") from None
    if "\0" in text:
        raise UnclearText("contains NUL characters, as UTF-16 text does. Save it as UTF-8")
    return text


def read_text_file(path: str) -> str:
    """The text of a file. Raises UnclearText where it cannot be read, with the reason."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib is slow to load, and the command is quick
            return decoded(file.read())
    except IsADirectoryError:
        raise UnclearText(
            "is a folder, not a file. Docker makes a folder where the file to mount does not exist: "
            "remove the folder, create the file, and start again"
        ) from None
    except OSError as error:
        raise UnclearText(f"cannot be read: {error.strerror}{_whose(path, error)}") from None


def _whose(path: str, error: OSError) -> str:
    """For a file without permission: who asks, and whose it is."""
    if not isinstance(error, PermissionError):
        return ". Correct the path"
    try:
        found = os.stat(path)  # noqa: PTH116 - see read_text_file
    except OSError:
        return f" for uid {os.geteuid()}. Make its folder readable for this user"
    mode = stat.S_IMODE(found.st_mode)
    return (
        f". This process runs as uid {os.geteuid()}, and the file belongs to uid {found.st_uid} with mode "
        f"{mode:04o}. Change its owner or mode"
    )


def cleaned(text: str, kind: Kind, name: str = "") -> str:
    """The value in this text. `name` is its variable, which an env file may repeat in front of it.

    Raises UnclearText. "" for blanks, and for a comment alone where the kind has no text.
    """
    text = text.strip(_BLANKS)
    if kind is not Kind.TEXT:
        text = _without_assignment(text, name)
    if kind is Kind.COMPACT:
        text = _one_line(text)
    if text[:1] in _QUOTES:
        return _unquoted(text, kind)
    if kind is not Kind.COMPACT:
        return text
    if not text.startswith(("[", "{")):
        text = _COMMENT.sub("", text, count=1).strip(_BLANKS)
    if text[-1:] and text[-1] in (*_QUOTES, *_QUOTES.values()):
        raise UnclearText("ends with a quote that was never opened. Remove it")
    return text


def listed(text: str) -> list[str]:
    """The values of a list with commas or lines; comments, and the quotes of a value, are removed."""
    lines = (_COMMENT.sub("", line) for line in text.splitlines())
    parts = (part.strip(_BLANKS) for line in lines for part in line.split(","))
    return [cleaned(part, Kind.COMPACT) if part[0] in _QUOTES else part for part in parts if part]


def _without_assignment(text: str, name: str) -> str:
    found = _OUR_ASSIGNMENT.match(text)
    if found is None:
        return text
    if name and found[1].upper() not in (name.upper(), "ALY_API_KEY"):
        raise UnclearText(f"contains an assignment to {found[1].upper()}. Keep the value alone")
    return text[found.end() :].strip(_BLANKS)


def _one_line(text: str) -> str:
    """The only line that is no comment."""
    lines = [line.strip(_BLANKS) for line in text.splitlines()]
    values = [line for line in lines if line and not line.startswith("#")]
    if len(values) > 1:
        raise UnclearText(f"has {len(values)} lines, and one value is expected. Keep one line")
    return values[0] if values else ""


def _unquoted(text: str, kind: Kind) -> str:
    close = _QUOTES[text[0]]
    end = text.find(close, 1)
    rest = text[end + 1 :]
    if end > 0 and (not rest or (rest[0].isspace() and rest.lstrip(_BLANKS).startswith("#"))):
        return text[1:end].strip(_BLANKS)
    if kind is not Kind.COMPACT:
        return text  # a text may begin with a quote, as 's-Hertogenbosch does; a list has quoted parts
    if end < 0:
        raise UnclearText("begins with a quote that is never closed. Remove it")
    raise UnclearText("has more text after its closing quote. Keep the value alone")
