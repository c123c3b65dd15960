"""The emulator's own look at the pictures of a training row: their size, and what is wrong with one.

It reads PNG headers only, since the tests that bill pictures draw PNGs; of JPEG and WEBP it knows the first bytes.
"""

from __future__ import annotations

import base64
import math
from typing import Any

MOST = 10
BYTES = 10 * 1024 * 1024
STARTS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}
OF_ADDRESS = (
    1024  # pixels a side of every picture that lies at an address, which nobody fetches here
)
COLOURS = (2, 6)  # of a PNG: RGB and RGBA


def pictures(messages: list[Any]) -> list[tuple[str, dict[str, Any]]]:
    """(role, image_url) of every picture."""
    found = []
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and part.get("type") == "image_url":
                found.append((message["role"], part["image_url"]))
    return found


def fault(messages: list[Any]) -> str | None:
    """Why a row with these messages is no training row, as far as its pictures go."""
    found = pictures(messages)
    if len(found) > MOST:
        return f"has {len(found)} images, but at most {MOST} are allowed"
    for role, image in found:
        if role in ("assistant", "system"):
            return f"has an image in a message of the {role}"
        if not image["url"].startswith("data:"):
            continue
        data = held(image["url"])
        if len(data) > BYTES:
            return "has an image over 10 MB"
        kind = next((kind for start, kind in STARTS.items() if data.startswith(start)), None)
        if kind is None or (kind == "png" and data[25] not in COLOURS):
            return "has an image that is no JPEG, PNG or WEBP in RGB or RGBA mode"
    return None


def picture_tokens(image: dict[str, Any]) -> int:
    """85, and 170 for each square of 512 pixels unless the detail is low."""
    if image.get("detail") == "low":
        return 85
    wide = high = float(OF_ADDRESS)
    if image["url"].startswith("data:"):
        data = held(image["url"])
        wide = float(int.from_bytes(data[16:20], "big"))
        high = float(int.from_bytes(data[20:24], "big"))
    if (longest := max(wide, high)) > 2048:
        wide, high = wide * 2048 / longest, high * 2048 / longest
    if (shortest := min(wide, high)) > 768:
        wide, high = wide * 768 / shortest, high * 768 / shortest
    return 85 + 170 * math.ceil(round(wide, 6) / 512) * math.ceil(round(high, 6) / 512)


def held(url: str) -> bytes:
    """The bytes in a data URL."""
    return base64.b64decode(url.partition(",")[2])
