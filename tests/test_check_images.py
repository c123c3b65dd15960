"""FT108, FT109: images by what stands in the row."""

from __future__ import annotations

import base64
import socket
import struct
import zlib
from typing import Any

import pytest

from ftkit.data import CheckReport, Severity, check, load


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\0\0\0\0"))
    + _chunk(b"IEND", b"")
)
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0" + b"\0" * 30 + b"\xff\xd9"
GIF = b"GIF89a\1\0\1\0\0\0\0;"
WEBP = b"RIFF\x1a\0\0\0WEBPVP8L" + b"\0" * 14
CONTENT = {"png": PNG, "jpeg": JPEG, "gif": GIF, "webp": WEBP}


def url(content: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def row(*urls: str) -> dict[str, Any]:
    images = [{"type": "image_url", "image_url": {"url": one}} for one in urls]
    content = [{"type": "text", "text": "What is this?"}, *images]
    return {
        "messages": [
            {"role": "user", "content": content},
            {"role": "assistant", "content": "A dot."},
        ]
    }


def found(report: CheckReport) -> dict[str, tuple[Severity, tuple[int, ...]]]:
    return {f.code: (f.severity, f.rows) for f in report.findings if f.code in ("FT108", "FT109")}


def detail(report: CheckReport) -> str:
    return next(f.detail for f in report.findings if f.code in ("FT108", "FT109"))


@pytest.mark.parametrize("kind", CONTENT)
def test_images_that_are_what_they_say_are_left_alone(kind: str) -> None:
    assert found(check(load([row(url(CONTENT[kind], kind))]))) == {}


def test_jpg_is_another_name_of_jpeg_and_letters_have_no_case() -> None:
    upper = url(PNG, "PNG").replace(";base64", ";BASE64")
    assert found(check(load([row(url(JPEG, "jpg"), upper)]))) == {}


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (url(JPEG, "png"), "it says png, its first bytes are jpeg"),
        (url(PNG, "webp"), "it says webp, its first bytes are png"),
        (url(b"<html></html>", "png"), "its first bytes are of no image"),
        (url(b"", "png"), "its first bytes are of no image"),
        (url(PNG[:-20], "png"), "the png has no end"),
        (url(JPEG[:-2], "jpeg"), "the jpeg has no end"),
        (url(PNG)[:-3], "its base64 is damaged or cut"),
        (url(PNG) + "*", "its base64 is damaged or cut"),
        ("data:image/png," + "abc", "is not in base64"),
        ("data:image/png;base64", "not written data:image/TYPE;base64"),
        (url(b"<svg/>", "svg+xml"), "the type 'svg+xml' is none of"),
    ],
)
def test_ft108_an_image_that_is_not_what_it_says(address: str, said: str) -> None:
    report = check(load([row(url(PNG)), row(url(PNG), address)]))
    assert found(report) == {"FT108": (Severity.ERROR, (2,))}
    assert said in detail(report)


def test_how_large_and_how_many_images_may_be_is_the_models_to_say() -> None:
    large = url(PNG[:-12] + b"\0" * 11_000_000 + PNG[-12:])
    assert found(check(load([row(large), row(*[url(PNG)] * 11)]))) == {}


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://user:secret@img.shop.com/a.png", "a password"),
        ("https://localhost/a.png", "inside a network"),
        ("https://10.0.0.7/a.png", "inside a network"),
        ("https://files.internal/a.png", "inside a network"),
        ("https:///a.png", "no host"),
        ("https://[::1", "is none"),
        ("https://img.shop.com:8443/a.png", "port 8443"),
        ("https://img.shop.com:99999/a.png", "is none"),
        ("https://img.shop.com/a b.png", "spaces"),
        ("https://img.shop.com/" + "a" * 2_000, "2,021 characters"),
        ("https://b.s3.amazonaws.com/a.png?X-Amz-Expires=900&X-Amz-Signature=ab", "expires"),
        ("https://a.blob.core.windows.net/c/a.png?se=2026-01-01&sig=abc", "expires"),
    ],
)
def test_ft109_addresses_that_will_not_be_there_for_a_provider(address: str, said: str) -> None:
    report = check(load([row(address)]))
    assert found(report) == {"FT109": (Severity.WARNING, (1,))}
    assert said in detail(report) and "secret" not in detail(report)


def test_ordinary_addresses_are_left_alone() -> None:
    good = (
        "https://img.shop.com/a.png",
        "https://img.shop.com:443/a?size=2&sig_type=x",
        "https://8.8.8.8/a.png",
    )
    assert found(check(load([row(*good)]))) == {}


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert found(check(load([row("https://img.shop.com/a.png")]))) == {}
