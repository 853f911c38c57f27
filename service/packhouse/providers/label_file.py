"""A label's file: which kind it is, whether it is whole, and its download from a provider's link.

A parcel is paid for when its file arrives, so no file is thrown away: what cannot be printed is kept as RAW,
with a note for a person.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import zlib
from io import BytesIO
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from packhouse.errors import ProviderUnavailable
from packhouse.http import Answer
from packhouse.model.label import USUAL_FORMATS, LabelDocument, LabelFormat
from packhouse.providers.http import MAX_BYTES, ProviderHttp

_BY_SUFFIX = {fmt.value: fmt for fmt in USUAL_FORMATS}
_BLANKS: Final = b"\xef\xbb\xbf\x00 \t\r\n"
_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_TAIL: Final = 2048
# Pixels of a label at 600 dots an inch, with room: 8 by 12 inches.
_MOST_PIXELS: Final = 40_000_000
_GZIP: Final = b"\x1f\x8b"
# Pictures that printers do not take, by how they begin.
_PICTURES: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"BM", "BMP"),
)
_OTHERS: Final = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"{\\rtf", "an RTF document"),
    (b"%!PS", "a PostScript file"),
    (b"\x1bE", "a PCL file"),
    (b"\x1b%-", "a PCL file"),
)
_EPL: Final = re.compile(rb"(?m)^(?:A|B|LO|GW|b)\d+,\d+,")


class UnusableFile(ValueError):
    """Bytes that are no printable label. The message says what they are."""


def read_label(content: bytes) -> LabelDocument:
    """The label in these bytes, whole and in a format that printers take.

    ZPL and EPL stay as they are, PDF and PNG without what comes before them. Other pictures become PNG. It
    may take a moment: call it in a thread. Raises UnusableFile.
    """
    if content.startswith(_GZIP):
        content = _unzipped(content)
    bare = content.lstrip(_BLANKS)
    if not bare:
        raise UnusableFile("it is empty" if not content else "it has only blanks")
    for start, name in _OTHERS:
        if bare.startswith(start):
            raise UnusableFile(f"it is {name}")
    if bare.startswith(_PNG):
        if _PNG_END not in bare[-_TAIL:]:
            raise UnusableFile("it is a PNG that is cut off")
        return LabelDocument(bare, LabelFormat.PNG)
    begin = content.find(b"%PDF-", 0, 1024)
    if begin >= 0:
        if b"%%EOF" not in content[-_TAIL:]:
            raise UnusableFile("it is a PDF that is cut off")
        return LabelDocument(content[begin:], LabelFormat.PDF)
    for start, name in _PICTURES:
        if bare.startswith(start):
            return _as_png(bare, name)
    if bare.startswith(b"RIFF") and bare[8:12] == b"WEBP":
        return _as_png(bare, "WEBP")
    return LabelDocument(content, _language_of(bare))


def detect(content: bytes) -> LabelDocument | None:
    """The label in these bytes, or None if they are no printable label."""
    try:
        return read_label(content)
    except UnusableFile:
        return None


def read_or_keep(content: bytes) -> LabelDocument:
    """The label, or the bytes as they came, as a RAW document that says what is wrong with them."""
    try:
        return read_label(content)
    except UnusableFile as error:
        return LabelDocument(content, LabelFormat.RAW, f"The label's file cannot be printed: {error}.")


async def _read_or_keep(content: bytes) -> LabelDocument:
    """As `read_or_keep`; in a thread only what takes a moment: unpacking, and converting pictures."""
    bare = content[:64].lstrip(_BLANKS)
    is_slow = bare.startswith((_GZIP, b"RIFF", *(start for start, _ in _PICTURES)))
    return await asyncio.to_thread(read_or_keep, content) if is_slow else read_or_keep(content)


def read_text(text: str) -> LabelDocument:
    """The label in base64 text; or the text as it came, as a RAW document that says what is wrong with it."""
    try:
        content = decode_base64(text)
    except UnusableFile as error:
        problem = f"The label's file cannot be read: {error}."
        return LabelDocument(text.encode(errors="replace"), LabelFormat.RAW, problem)
    return read_or_keep(content)


def decode_base64(text: str) -> bytes:
    """The bytes of a file written as text: base64 in either alphabet, with or without padding and line
    breaks, or a data URI. Raises UnusableFile for what is cut off or damaged.
    """
    bare = text.strip().strip("\"'")
    if bare[:5].lower() == "data:":
        head, comma, bare = bare.partition(",")
        if not comma:
            raise UnusableFile("it is a data URI without data")
        if not head.lower().endswith(";base64"):
            return unquote_to_bytes(bare)
        bare = unquote_to_bytes(bare).decode("ascii", "replace")
    bare = re.sub(r"[ \t]*(?:[\r\n]|\\[rn])+[ \t]*", "", bare)
    bare = _joined(bare.split())
    bare = bare.replace("-", "+").replace("_", "/").rstrip("=")
    if wrong := re.search(r"[^A-Za-z0-9+/]", bare):
        raise UnusableFile(f"its base64 has the character {wrong[0]!r}: it is damaged or cut off")
    if len(bare) % 4 == 1:
        raise UnusableFile("its base64 is cut off")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error as error:
        raise UnusableFile(f"its base64 is damaged ({error})") from error


def _joined(groups: list[str]) -> str:
    """Base64 whose line breaks became blanks: they are at equal distances. Other blanks were plus signs."""
    text = "".join(groups)
    lengths = {len(group) for group in groups[:-1]}
    if len(groups) > 1 and (len(lengths) > 1 or len(groups[-1]) > len(groups[0]) or len(text) % 4):
        raise UnusableFile("its base64 has blanks where signs are missing: it is damaged")
    return text


def format_in(url: str) -> LabelFormat | None:
    """The format that the end of a link names, if it names one."""
    suffix = PurePosixPath(urlsplit(url).path).suffix.lower().removeprefix(".")
    return _BY_SUFFIX.get(suffix)


async def fetch(http: ProviderHttp, url: str, what: str = "label") -> LabelDocument | None:
    """Download a label, or the paper named `what`, without credentials; None if the link is not valid now.

    A label that cannot be printed is RAW. Raises LinkRefused for a link that is never followed, and
    ProviderUnavailable if the host fails, or its response is no such paper.
    """
    answer: Answer = await http.download(f"{what}.download", url)
    if answer.status == 200:
        document = await _read_or_keep(answer.body)
        if document.format is LabelFormat.RAW and what != "label":
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


def _language_of(bare: bytes) -> LabelFormat:
    """The printer's language of a label; it may set up the printer before the first label."""
    upper = bare.upper()
    if upper[:1] == b"<":
        raise UnusableFile(f"it is a web page or XML, beginning with {_beginning(bare)}")
    if b"^XA" in upper:
        if b"^XZ" not in upper[upper.rindex(b"^XA") :]:
            raise UnusableFile("it is ZPL that is cut off: its last label does not end with ^XZ")
        return LabelFormat.ZPL
    if _EPL.search(bare):
        if not re.search(rb"(?m)^P[A\d]", bare):
            raise UnusableFile("it is EPL that is cut off: it has no command to print")
        return LabelFormat.EPL
    raise UnusableFile(f"it is of an unknown kind, beginning with {_beginning(bare)}")


def _as_png(content: bytes, name: str) -> LabelDocument:
    from PIL import Image  # slow to import, and seldom needed

    try:
        with Image.open(BytesIO(content)) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                raise UnusableFile(f"it is a {name} of {picture.width} by {picture.height} pixels")
            if getattr(picture, "n_frames", 1) > 1:
                raise UnusableFile(f"it is a {name} with several pages")
            dots = picture.info.get("dpi")
            picture.load()
            flat = picture.convert("RGB" if picture.mode not in ("1", "L") else picture.mode)
    except UnusableFile:
        raise
    except Exception as error:
        raise UnusableFile(f"it is a {name} that is damaged ({error})") from error
    written = BytesIO()
    flat.save(written, "PNG", **({"dpi": dots} if dots else {}))
    return LabelDocument(written.getvalue(), LabelFormat.PNG)


def _unzipped(content: bytes) -> bytes:
    """What a gzip file holds. Raises UnusableFile if it is damaged or too large."""
    reader = zlib.decompressobj(wbits=31)
    try:
        inner = reader.decompress(content, MAX_BYTES)
    except zlib.error as error:
        raise UnusableFile(f"it is a gzip file that is damaged ({error})") from error
    if not reader.eof:
        raise UnusableFile("it is a gzip file that is cut off or too large")
    return inner


def _beginning(content: bytes) -> str:
    return repr(content[:40].decode("ascii", "replace"))
