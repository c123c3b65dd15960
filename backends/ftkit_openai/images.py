"""Images of training rows: what is wrong with one, and its tokens by the published tiles of the gpt-4o family.

Format and size are read off the first bytes of a data URL, whatever it says of itself. An address is never fetched: what
stands there is counted as the largest image that there is.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ftkit.catalogue import ImageFacts
from ftkit.data.example import Image, Message
from ftkit.errors import DataError, Fault

# OpenAI's images guide: fitted into a square of 2048, then the shorter side to 768 at most, then cut into tiles of 512.
_SQUARE, _SHORTER, _TILE = 2048, 768, 512
_MOST_TILES = 8  # 2048 x 768
_PNG_MODES = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}
_JPEG_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers that no length follows


@dataclass(frozen=True, slots=True)
class Picture:
    """What the first bytes tell: the format, the colour mode by Pillow's names, pixels."""

    format: str
    mode: str
    width: int
    height: int


def counted(messages: Sequence[Message], facts: ImageFacts) -> dict[tuple[int, int], int]:
    """Tokens of each image by its place (message, part), both from 0; DataError names every one that cannot be trained."""
    tokens: dict[tuple[int, int], int] = {}
    faults: list[Fault] = []
    for number, message in enumerate(messages):
        for place, part in enumerate(message.parts):
            if not isinstance(part, Image):
                continue
            field = f"messages[{number}].content[{place}].image_url"
            tokens[number, place] = 0
            if message.role != "user":
                faults.append(
                    Fault(f"an image of the {message.role}; leave it to a user's turn", field=field)
                )
                continue
            try:
                tokens[number, place] = _tokens(part, facts)
            except DataError as error:
                faults.append(Fault(error.message, field=field))
    if len(tokens) > facts.per_row:
        faults.append(
            Fault(
                f"the row has {len(tokens)} images, and OpenAI takes {facts.per_row} at most; spread them over rows",
                field="messages",
            )
        )
    if faults:
        raise DataError("the row holds images that cannot be trained", faults)
    return tokens


def cautions(images: Sequence[Image], facts: ImageFacts) -> Iterator[str]:
    """What is not certain about the images of a row."""
    if any(image.detail != "low" and not _held(image) for image in images):
        largest = facts.tokens + _MOST_TILES * facts.tile_tokens
        yield (
            f"an image that is given by its address is not fetched: it is counted as the largest there is, {largest:,} "
            "tokens, and whether OpenAI takes it is not checked"
        )
    elif any(not _held(image) for image in images):
        yield "an image that is given by its address is not fetched: whether OpenAI takes it is not checked"
    if any(image.detail in (None, "auto") for image in images):
        yield "an image without a detail of low or high is counted as high: OpenAI chooses"
    if images:
        yield f"{facts.left_out} (as of {facts.as_of}: {facts.source})"


def tiles(width: int, height: int) -> int:
    """How many squares of 512 a picture of this size becomes; smaller ones are not made larger."""
    scale = min(Fraction(1), Fraction(_SQUARE, max(width, height)))
    scale = min(scale, Fraction(_SHORTER, min(width, height)))
    return _squares(width * scale) * _squares(height * scale)


def look(data: bytes) -> Picture:
    """Format, mode and size; DataError for bytes that are none of JPEG, PNG and WEBP, or break off in their head."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(data)
        if data.startswith(b"\xff\xd8\xff"):
            return _jpeg(data)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp(data)
    except (struct.error, IndexError) as error:
        raise DataError("the image breaks off before its size; save it again") from error
    raise DataError("its first bytes are those of no JPEG, PNG or WEBP; convert the image")


def _tokens(image: Image, facts: ImageFacts) -> int:
    if not _held(image):
        return facts.tokens + (0 if image.detail == "low" else _MOST_TILES * facts.tile_tokens)
    picture = look(_bytes(image.url, facts.max_bytes))
    if picture.format not in facts.formats:
        raise DataError(f"is a {picture.format}, and OpenAI takes {', '.join(facts.formats)}")
    if picture.mode not in facts.modes:
        raise DataError(
            f"is a {picture.format} of the colour mode {picture.mode}, and OpenAI takes {' and '.join(facts.modes)}; "
            "convert the image"
        )
    if not picture.width or not picture.height:
        raise DataError("the image has no size; save it again")
    if image.detail == "low":
        return facts.tokens
    return facts.tokens + tiles(picture.width, picture.height) * facts.tile_tokens


def _held(image: Image) -> bool:
    """True where the row holds the image itself."""
    return image.url.startswith("data:")


def _bytes(url: str, most: int) -> bytes:
    head, comma, text = url.partition(",")
    if not comma or not head.endswith(";base64"):
        raise DataError("a data URL holds an image as base64: data:image/png;base64,...")
    size = len(text) * 3 // 4 - (len(text) - len(text.rstrip("=")))
    if size > most:
        raise DataError(
            f"the image has {size:,} bytes, and OpenAI takes {most:,} at most; make it smaller"
        )
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError("what follows the comma of the data URL is not base64") from error


def _squares(pixels: Fraction) -> int:
    return -(-pixels.numerator // (pixels.denominator * _TILE))


def _png(data: bytes) -> Picture:
    kind, width, height, _, mode = struct.unpack_from(">4sIIBB", data, 12)
    if kind != b"IHDR":
        raise DataError("the PNG does not start with its size; save it again")
    return Picture("PNG", _PNG_MODES.get(mode, f"unknown ({mode})"), width, height)


def _jpeg(data: bytes) -> Picture:
    place = 2
    while True:
        if data[place] != 0xFF:
            raise DataError("the JPEG is damaged before its size; save it again")
        marker = data[place + 1]
        if marker == 0xFF:  # padding
            place += 1
        elif marker in _JPEG_BARE:
            place += 2
        elif marker in _JPEG_SIZES:
            height, width, channels = struct.unpack_from(">HHB", data, place + 5)
            return Picture("JPEG", _JPEG_MODES.get(channels, f"{channels} channels"), width, height)
        else:
            place += 2 + struct.unpack_from(">H", data, place + 2)[0]


def _webp(data: bytes) -> Picture:
    """WEBP knows RGB and RGBA only."""
    kind = data[12:16]
    if kind == b"VP8X":
        flags = data[20]
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        if len(data) < 30:
            raise struct.error
        return Picture("WEBP", "RGBA" if flags & 0x10 else "RGB", width, height)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        mode = "RGBA" if bits >> 28 & 1 else "RGB"
        return Picture("WEBP", mode, (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Picture("WEBP", "RGB", width & 0x3FFF, height & 0x3FFF)
    raise DataError("the WEBP does not start with its size; save it again")
