"""What a text of a request may contain: all that the ledger, a log and a terminal can take as it is."""

from __future__ import annotations

from packhouse.model.text import is_fit, is_whole


def fit_text(text: str) -> str:
    """A sentence, which may have several lines. Raises ValueError for control characters."""
    if not is_fit(text):
        raise ValueError("must not contain control characters")
    return text


def one_line(text: str) -> str:
    """A name or a number. Raises ValueError for characters that are not printed."""
    if not is_whole(text):
        raise ValueError("must not contain control or other invisible characters")
    return text


def identifier(text: str) -> str:
    """An id as the store or Packhouse makes them. Raises ValueError for blanks and unprinted characters."""
    if not is_whole(text) or any(char.isspace() or char in "/," for char in text) or text in (".", ".."):
        raise ValueError("must be an id, without blanks, slashes, commas and control characters")
    return text


def optional_identifier(text: str) -> str:
    """An id, or "" for none."""
    return identifier(text) if text else ""
