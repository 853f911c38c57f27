"""A label's file: its format, detected from its bytes, and its download from a provider's link."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import urlsplit

from packhouse.errors import ProviderUnavailable
from packhouse.model.label import LabelDocument, LabelFormat
from packhouse.providers.http import ProviderHttp, Response

_BY_SUFFIX = {fmt.value: fmt for fmt in LabelFormat}


def detect(content: bytes) -> LabelDocument | None:
    """The file with its format, or None if it is not PDF, PNG or ZPL."""
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
    """The format that the end of a link names, if it names one."""
    suffix = PurePosixPath(urlsplit(url).path).suffix.lower().removeprefix(".")
    return _BY_SUFFIX.get(suffix)


async def fetch(http: ProviderHttp, url: str, what: str = "label") -> LabelDocument | None:
    """Download a label, or the paper named `what`, without credentials; None if the link is not valid now.

    Raises ProviderUnavailable if the host fails or its response is not such a file.
    """
    answer: Response = await http.send(f"{what}.download", "GET", url, follow_redirects=True)
    if answer.status == 200:
        document = detect(answer.body)
        if document is None:
            kind = answer.headers.get("content-type", "no type")
            raise ProviderUnavailable(
                f"The link of the {what} returned {len(answer.body)} bytes of {kind}, which is not a {what}."
            )
        return document
    if 400 <= answer.status < 500 and answer.status not in (408, 425, 429):
        return None
    raise ProviderUnavailable(
        f"The link of the {what} answered {answer.status}; Packhouse tries it again later."
    )
