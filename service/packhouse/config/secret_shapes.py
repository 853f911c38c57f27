"""The shape of secrets: what certainly cannot be the secret that a setting asks for, and what is unusual."""

from __future__ import annotations

import re

# A value that is still the placeholder of an example.
_PLACEHOLDER = re.compile(
    r"(?i)(whsec_|aly_oauth_|aly_|EZ[AT]K_?)?"
    r"(change[-_ ]?(me|this|it)|replace[-_ ]?(me|this|it)|your[-_ ].*|<.*>|\.{2,}|…|x{3,}|\*{3,}|"
    r"(my[-_])?secret|example.*|placeholder|to[-_]?do|dummy|none|null|undefined|insert[-_ ].*|api[-_]?key)"
)
_INVISIBLE = re.compile("[\ufeff\u200b-\u200f\u2060\u00ad]")
_QUOTES = "\"'`“”‘’„«»"
# How secrets of other services begin.
_KINDS = {
    "whsec_": "the signing secret of a webhook",
    "aly_": "an API key of the store",
    "EZAK": "a key of EasyPost",
    "EZTK": "a test key of EasyPost",
}


def impossible(value: str, *, but: tuple[str, ...] = ()) -> str:
    """Why this cannot be the secret, as the rest of a sentence about it; "" if it can.

    `but` are the beginnings of `_KINDS` that this secret may have.
    """
    bare = value.strip(_QUOTES)
    for beginning, what in _KINDS.items():
        if bare.startswith(beginning) and beginning not in but and not _PLACEHOLDER.fullmatch(bare):
            return f"is {what} ({beginning}...). Put it where it belongs, and the right secret here."
    if value[:1] in _QUOTES or value[-1:] in _QUOTES:
        return "is in quotation marks. Remove them: they are taken as part of the value."
    if _INVISIBLE.search(value):
        return "contains an invisible character, such as a byte-order mark. Copy it again as plain text."
    if not value.isprintable():
        return "contains a line break or a control character. Write it on one line."
    if not value.isascii():
        return "contains a letter or sign that no key has. Copy it again as plain text."
    if any(char.isspace() for char in value):
        return "contains a blank. Copy the secret again, without any words around it."
    if _PLACEHOLDER.fullmatch(value):
        return "is still the placeholder of an example. Set the real value."
    return ""


def unusual(value: str, beginning: str) -> str:
    """Why this may not be the secret, as the rest of a sentence; "" if it looks like one."""
    if not value.startswith(beginning):
        return f"does not begin with {beginning}, as the store's do. Compare it with the store's settings."
    return ""
