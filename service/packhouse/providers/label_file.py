"""A label's file: what kind it is, told from its bytes, and how it is fetched from a carrier's link."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import urlsplit

from packhouse.errors import ProviderUnavailable
from packhouse.model.label import LabelDocument, LabelFormat
from packhouse.providers.http import Answer, ProviderHttp

_BY_ENDING = {fmt.value: fmt for fmt in LabelFormat}


def recognised(content: bytes) -> LabelDocument | None:
    """The file with its kind, or None if it is no PDF, PNG or ZPL."""
    start = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return LabelDocument(content, LabelFormat.PNG)
    if start.startswith(b"%PDF-"):
        return LabelDocument(content, LabelFormat.PDF)
    # ZPL may set up the printer (~..., ^CC...) before its first label.
    if start[:1] in (b"^", b"~") and b"^XA" in content and b"^XZ" in content:
        return LabelDocument(content, LabelFormat.ZPL)
    return None


def format_in(url: str) -> LabelFormat | None:
    """The kind of file that a link's ending promises, if it does."""
    ending = PurePosixPath(urlsplit(url).path).suffix.lower().removeprefix(".")
    return _BY_ENDING.get(ending)


async def fetch(calls: ProviderHttp, url: str) -> LabelDocument | None:
    """Download a label, without credentials; None when the link leads nowhere (any more).

    Raises CarrierUnavailable when the host fails or answers with something that is no label.
    """
    answer: Answer = await calls.send("label.download", "GET", url, follow_redirects=True)
    if answer.status == 200:
        document = recognised(answer.body)
        if document is None:
            kind = answer.headers.get("content-type", "no type")
            raise ProviderUnavailable(
                f"The label's link gave {len(answer.body)} bytes of {kind}, which is no label."
            )
        return document
    if 400 <= answer.status < 500 and answer.status not in (408, 425, 429):
        return None
    raise ProviderUnavailable(f"The label's link answered {answer.status}; it is tried again later.")
