"""URLs that may contain a password: masked for people, searched for secrets, and refused where ambiguous.

Nothing here ever repeats a part of a URL that may belong to a password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

MASK = "********"

# Everything up to the last @, whichever characters the password contains.
_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][\w+.\-]*)://(?P<userinfo>[^\s\"'<>]*)@")
_SECRET_PARAMETER = re.compile(
    r"(?i)(?P<before>(?:^|[?&;\s])\w*(?:password|passwd|passphrase|pwd|secret|token|api_?key|access_?key)\s*=\s*)"
    r"(?P<value>'(?:[^'\\]|\\.)*'|[^&\s]*)"
)
_HOST = re.compile(r"(\[[^\]/?@]+\]|[^:/?@\[\]]*)(?P<port>:[^/?]*)?(?=[/?]|$)")


def masked_urls(text: str) -> str:
    """The text with the password of every URL and of every `password=` masked.

    A user without a password stays, except in an http URL, where it is usually a key.
    """
    return _SECRET_PARAMETER.sub(rf"\g<before>{MASK}", _USERINFO.sub(_masked_userinfo, text))


def _masked_userinfo(found: re.Match[str]) -> str:
    user, colon, _ = found["userinfo"].partition(":")
    if colon:
        shown = f"{user}:{MASK}" if "@" not in user else MASK
    else:
        shown = MASK if found["scheme"].lower().startswith("http") or "@" in user else user
    return f"{found['scheme']}://{shown}@"


def passwords_in(text: str) -> Iterator[str]:
    """Every password in a URL or a connection string, as written and decoded."""
    for found in _USERINFO.finditer(text):
        user, colon, password = found["userinfo"].partition(":")
        yield from _forms(password if colon else user if found["scheme"].startswith("http") else "")
    for found in _SECRET_PARAMETER.finditer(text):
        yield from _forms(found["value"].strip("'"))


def _forms(password: str) -> Iterator[str]:
    yield from {password, unquote(password)} - {""}


def has_userinfo(url: str) -> bool:
    """Whether a URL holds a user or a password in front of its host."""
    return _USERINFO.match(url) is not None


def database_url_problem(url: str) -> str:
    """What is wrong with the ledger's URL, with the fix, or "". Repeats nothing of the URL."""
    scheme = re.match(r"(sqlite|postgresql)(\+\w+)?://", url)
    if scheme is None:
        return (
            "must begin with sqlite:/// or postgresql+psycopg://. "
            "Correct it, or remove it to use SQLite in the data folder."
        )
    rest = url[scheme.end() :]
    if scheme[1] == "sqlite":
        return _sqlite_problem(rest)
    if any(character.isspace() for character in rest):
        return "contains a blank. Write a blank inside the user or the password as %20."
    before, _, after = rest.rpartition("@")
    if "@" in before:
        return (
            "contains more than one @, so the end of the password is unclear. Write each @ inside the user, "
            "the password or the options as %40."
        )
    if "/" in before.partition(":")[0] or "?" in before.partition(":")[0]:
        return "contains / or ? before its @. Write them inside the user as %2F and %3F."
    host = _HOST.match(after)
    if host is None or (host["port"] and not host["port"][1:].isdigit()):
        return (
            "has no number as the port between the host and the database. It must be like "
            "postgresql+psycopg://USER:PASSWORD@HOST:5432/DATABASE. Several hosts are written as "
            "...@/DATABASE?host=A:5432&host=B:5432."
        )
    return ""


def _sqlite_problem(rest: str) -> str:
    file, _, options = rest.removeprefix("/").partition("?")
    if not file or file == ":memory:" or "mode=memory" in options:
        return (
            "names a database in memory, which forgets every label when the daemon stops. Name a file, or "
            "remove it to use SQLite in the data folder."
        )
    if not rest.startswith("/"):
        return "must have three slashes before a relative path and four before an absolute one."
    return ""
