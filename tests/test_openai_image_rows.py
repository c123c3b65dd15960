"""Rows with images at OpenAI: what one base takes, what is wrong with a picture, what it costs. Nothing is fetched."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import zlib
from dataclasses import replace
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest
from typer.testing import CliRunner

import ftkit
from ftkit.cli.main import app
from ftkit.data.example import Image, Message
from ftkit.errors import CapabilityError, DataError
from ftkit.types import JobStatus
from ftkit_openai import images, wire
from ftkit_openai.tokens import OpenAIRenderer
from tests.emulators.openai import OpenAIEmulator
from tests.openai_desk import opened, submit

pytest_plugins = ("tests.openai_fixtures",)

NAME = "gpt-4o-2024-08-06"
SEEING = f"openai/{NAME}"
ADDRESS = "https://pictures.example/dog.jpg"


def png(width: int, height: int, colour: int = 2, *, of_bytes: int = 0) -> bytes:
    """A PNG of one colour, whole where it is small; a chunk of no meaning brings it to `of_bytes`."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    pixels = zlib.compress((b"\0" + b"\x7f" * channels * width) * min(height, 4))
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels)
    if of_bytes:
        data += chunk(b"paDd", b"\0" * (of_bytes - len(data) - 24))
    return data + chunk(b"IEND", b"")


def jpeg(width: int, height: int, channels: int = 3) -> bytes:
    """The head of a JPEG, with the segments that cameras put before the size."""
    exif = b"\xff\xe1" + struct.pack(">H", 2 + 300) + b"\xff\xc0" * 150
    size = struct.pack(">HBHHB", 8 + 3 * channels, 8, height, width, channels)
    return b"\xff\xd8" + exif + b"\xff\xff\xff\xc2" + size + b"\0" * 3 * channels


def webp(kind: bytes, body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 12 + len(body)) + b"WEBP" + kind + b"\0\0\0\0" + body


def url(data: bytes, said: str = "png") -> str:
    return f"data:image/{said};base64,{base64.b64encode(data).decode()}"


def row(
    number: int, *shown: str, detail: str | None = "high", role: str = "user"
) -> dict[str, Any]:
    pictures: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": one} | ({"detail": detail} if detail else {})}
        for one in shown
    ]
    return {
        "messages": [
            {"role": role, "content": [{"type": "text", "text": f"Look, {number}: "}, *pictures]},
            {"role": "assistant", "content": f"A dog, {number}."},
        ]
    }


DOG = url(png(64, 48))
ROWS = [row(number, DOG) for number in range(12)]


@pytest.fixture(scope="module")
def renderer() -> OpenAIRenderer:
    training = opened().training
    assert training is not None
    made = training.renderer(training.base("gpt-4o"))
    assert isinstance(made, OpenAIRenderer)
    return made


def tokens(renderer: OpenAIRenderer, shown: str, detail: str | None = "high") -> int:
    """Of one image alone."""
    message = Message("user", "", (Image(shown, detail),))
    return renderer.turn_tokens([message]) - renderer.turn_tokens([Message("user", "")])


# --- how large it is ---


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (png(300, 200), ("PNG", "RGB", 300, 200)),
        (png(300, 200, 6), ("PNG", "RGBA", 300, 200)),
        (jpeg(1024, 2048), ("JPEG", "RGB", 1024, 2048)),
        (jpeg(7, 9, channels=4), ("JPEG", "CMYK", 7, 9)),
        (
            webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 300, 200)),
            ("WEBP", "RGB", 300, 200),
        ),
        (
            webp(b"VP8L", b"\x2f" + struct.pack("<I", 299 | 199 << 14 | 1 << 28)),
            ("WEBP", "RGBA", 300, 200),
        ),
        (
            webp(
                b"VP8X", b"\x10\0\0\0" + (299).to_bytes(3, "little") + (199).to_bytes(3, "little")
            ),
            ("WEBP", "RGBA", 300, 200),
        ),
    ],
)
def test_format_mode_and_size_are_read_off_the_first_bytes(
    data: bytes, found: tuple[str, str, int, int]
) -> None:
    assert images.look(data) == images.Picture(*found)


@pytest.mark.skipif(find_spec("PIL") is None, reason="Pillow, the judge, is not installed")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "LA", "CMYK"])
def test_pillow_reads_the_same(kind: str, mode: str) -> None:
    pillow = import_module("PIL.Image")
    written = io.BytesIO()
    try:
        pillow.new(mode, (301, 77)).save(written, kind)
    except OSError:
        pytest.skip(f"a {kind} has no mode {mode}")
    judged = pillow.open(io.BytesIO(written.getvalue()))
    found = images.look(written.getvalue())
    assert (found.format, found.width, found.height) == (kind, 301, 77)
    assert found.mode == judged.mode


@pytest.mark.parametrize("data", [png(9, 9), jpeg(9, 9), webp(b"VP8 ", b"\0" * 10)])
def test_an_image_that_breaks_off_is_no_traceback(data: bytes) -> None:
    for length in range(min(len(data), 400)):
        try:
            images.look(data[:length])
        except DataError:
            continue


# --- what it costs ---


@pytest.mark.parametrize(
    ("width", "height", "count"),
    [
        (1024, 1024, 765),
        (2048, 4096, 1105),
        (4096, 8192, 1105),
        (512, 512, 255),
        (1, 1, 255),
        (513, 512, 425),
        (2048, 768, 1445),
        (8000, 1, 765),
    ],
)
def test_an_image_costs_its_published_tiles(
    width: int, height: int, count: int, renderer: OpenAIRenderer
) -> None:
    """1024 x 1024 = 765 and 2048 x 4096 = 1105 are OpenAI's own examples; low is always 85."""
    shown = url(png(width, height))
    assert tokens(renderer, shown) == count
    assert tokens(renderer, shown, "low") == 85
    assert tokens(renderer, shown, "auto") == tokens(renderer, shown, None) == count


def test_no_image_costs_more_than_what_an_address_is_quoted(renderer: OpenAIRenderer) -> None:
    most = tokens(renderer, ADDRESS)
    assert most == 1445 and tokens(renderer, ADDRESS, "low") == 85
    sides = (1, 511, 513, 767, 769, 1025, 2047, 2049, 5000)
    assert max(85 + 170 * images.tiles(wide, high) for wide in sides for high in sides) <= most


def test_the_quote_is_the_bill_where_the_rows_hold_their_images(emulator: OpenAIEmulator) -> None:
    emulator.set(tokens="o200k")
    shown = [url(png(64, 48)), url(png(900, 300)), url(png(3000, 2000, 6))]
    rows = [row(n, *shown) for n in range(10)] + [row(n, *shown, detail="low") for n in (11, 12)]
    job = submit(rows, SEEING, hyperparameters={"epochs": 2}).wait(600)
    assert job.status is JobStatus.SUCCEEDED
    assert Decimal(job.plan["usd"]) == Decimal(emulator.counts()["training_usd"])


def test_where_they_lie_at_an_address_it_is_the_most_and_names_the_rows(
    emulator: OpenAIEmulator,
) -> None:
    emulator.set(tokens="o200k")
    rows = [*ROWS, row(13, ADDRESS)]
    quote = ftkit.estimate(rows, SEEING)
    assert quote.at_most and "row 13: an image that is given by its address" in str(quote)
    job = submit(rows, SEEING).wait(600)
    over = (Decimal(job.plan["usd"]) - Decimal(emulator.counts()["training_usd"])) / 25 * 1_000_000
    # the emulator takes 1024 x 1024 for what lies there
    assert over / int(job.plan["hyperparameters"]["epochs"]) == 1445 - 765


def test_quote_and_check_say_what_openai_leaves_out_in_silence() -> None:
    (finding,) = [one for one in ftkit.check(ROWS, model=SEEING).findings if one.code == "FT204"]
    for said in (finding.title, str(ftkit.estimate(ROWS, SEEING))):
        assert "people, faces, children and CAPTCHAs" in said and "as of 2026-" in said
    assert finding.count == 12 and finding.severity == "info"


# --- what is sent ---


def test_a_row_with_images_arrives_as_it_came() -> None:
    rows = [row(1, DOG, ADDRESS), row(2, ADDRESS, detail=None)]
    assert [json.loads(wire.row(example)) for example in ftkit.load(rows)] == rows


def test_texts_in_parts_are_no_images(emulator: OpenAIEmulator) -> None:
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    rows = [
        {"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": f"{n}"}]}
        for n in range(12)
    ]
    assert submit(rows, "openai/gpt-4.1").wait(600).status is JobStatus.SUCCEEDED


# --- what is refused, before anything is sent ---


@pytest.mark.parametrize("alias", ["gpt-4.1", "gpt-4.1-mini", "gpt-4o-mini"])
def test_a_base_that_does_not_see_is_refused_by_name_with_the_one_that_does(
    alias: str, emulator: OpenAIEmulator
) -> None:
    says = f"row 1: .*{alias} cannot be trained on images; gpt-4o-2024-08-06 can"
    with pytest.raises(CapabilityError, match=says):
        submit(ROWS, f"openai/{alias}")
    (finding,) = [
        f for f in ftkit.check(ROWS, model=f"openai/{alias}").findings if f.code == "FT203"
    ]
    assert "gpt-4o-2024-08-06 can" in finding.detail
    assert emulator.counts()["requests"] == {}


def test_every_base_says_what_images_it_takes_or_why_none() -> None:
    for name, facts in opened().catalogue.models.items():
        assert (facts.images is None) == ("image_rows" in facts.lacks), name


BAD = {
    "eleven": ([DOG] * 11, "has 11 images, and OpenAI takes 10 at most"),
    "large": (
        [url(png(9, 9, of_bytes=10_000_001))],
        "10,000,001 bytes, and OpenAI takes 10,000,000",
    ),
    "gif": ([url(b"GIF89a" + b"\0" * 20, "gif")], "no JPEG, PNG or WEBP; convert"),
    "no image": ([url(b"hello")], "no JPEG, PNG or WEBP"),
    "palette": ([url(png(9, 9, 3))], "colour mode P, and OpenAI takes RGB and RGBA"),
    "grey": ([url(png(9, 9, 0))], "colour mode L"),
    "cmyk": ([url(jpeg(9, 9, 4), "jpeg")], "colour mode CMYK"),
    "cut": ([url(png(9, 9)[:20])], "breaks off"),
    "empty": ([url(png(0, 9))], "no size"),
    "not base64": (["data:image/png;base64,@@@"], "not base64"),
    "percent": (["data:image/png,%89PNG"], "as base64"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_image_that_openai_would_not_train_is_named_with_row_and_field(
    name: str, emulator: OpenAIEmulator
) -> None:
    shown, says = BAD[name]
    rows = [*ROWS, row(13, *shown)]
    with pytest.raises(DataError) as refused:
        submit(rows, SEEING)
    (fault,) = refused.value.faults
    assert fault.row == 13 and fault.field is not None and fault.field.startswith("messages")
    assert says in fault.reason
    (finding,) = [one for one in ftkit.check(rows, model=SEEING).findings if one.code == "FT203"]
    assert finding.rows == (13,) and says in finding.detail
    assert emulator.counts()["requests"] == {}


def test_ten_images_and_ten_million_bytes_are_taken(emulator: OpenAIEmulator) -> None:
    rows = [*ROWS, row(13, *[DOG] * 10), row(14, url(png(9, 9, of_bytes=10_000_000)))]
    assert submit(rows, SEEING).wait(600).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("role", ["assistant", "system"])
def test_only_a_user_shows_images(role: str, emulator: OpenAIEmulator) -> None:
    with pytest.raises(DataError, match="only a user's turn holds images"):
        submit([*ROWS, row(13, DOG, role=role)], SEEING)
    assert emulator.counts()["requests"] == {}


def test_a_row_too_many_with_images_is_named(
    emulator: OpenAIEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = opened()
    catalogue = backend.catalogue
    facts = catalogue.models[NAME]
    assert facts.images is not None and facts.images.max_rows == 50_000
    few = facts.model_copy(update={"images": facts.images.model_copy(update={"max_rows": 11})})
    changed = catalogue.model_copy(update={"models": {**catalogue.models, NAME: few}})
    fewer = replace(backend, catalogue=changed)
    monkeypatch.setattr("ftkit.cost.planning.open_backend", lambda instance, settings: fewer)
    with pytest.raises(DataError, match="at most 11 rows with images") as refused:
        submit(ROWS, SEEING)
    assert refused.value.faults[0].row == 12
    assert emulator.counts()["requests"] == {}


@pytest.mark.parametrize("model", [SEEING, "openai/gpt-4.1"])
def test_preferences_are_not_learned_from_images(model: str, emulator: OpenAIEmulator) -> None:
    pairs = [
        {
            "input": {"messages": one["messages"][:1]},
            "preferred_output": one["messages"][1:],
            "non_preferred_output": [{"role": "assistant", "content": "A cat."}],
        }
        for one in ROWS
    ]
    with pytest.raises(CapabilityError, match="images|cannot be trained with dpo"):
        submit(pairs, model, method="dpo")
    assert emulator.counts()["requests"] == {}


def test_the_job_fails_at_the_provider_for_what_ftkit_would_have_refused(
    emulator: OpenAIEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator judges by its own code: with ftkit's look at images off, its refusal is the one that is seen."""
    monkeypatch.setattr(
        images, "counted", lambda messages, facts: dict.fromkeys(_places(messages), 1)
    )
    for shown in ([DOG] * 11, [url(png(9, 9, 0))], [url(b"hello")]):
        job = submit([*ROWS, row(13, *shown)], SEEING, allow=("FT108",)).wait(600)
        assert job.status is JobStatus.FAILED
        assert job.error is not None and re.search("Example 13 has .*image", job.error)


def _places(messages: Any) -> list[tuple[int, int]]:
    return [
        (number, place)
        for number, message in enumerate(messages)
        for place, part in enumerate(message.parts)
        if isinstance(part, Image)
    ]


# --- shown ---


def test_the_mask_shows_where_the_image_stands(tmp_path: Any) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, [*ROWS, row(13, *[DOG] * 11)])))
    command = ["check", str(path), "--model", SEEING, "--show-mask"]
    said = CliRunner().invoke(app, [*command, "1"])
    assert said.exit_code == 0, said.output
    assert "Look, 0: <image><|im_end|>" in said.output.replace("\n", "")
    refused = CliRunner().invoke(app, [*command, "13"])
    assert refused.exit_code != 0 and isinstance(refused.exception, (SystemExit, DataError))


def test_the_pieces_of_a_row_with_an_image_are_its_text_again(renderer: OpenAIRenderer) -> None:
    (rendered,) = renderer.render(ftkit.load(ROWS)[0].messages)
    assert "".join(text for text, _ in renderer.tokens(rendered)) == renderer.decode(rendered.ids)
    assert sum(text == "<image>" for text, _ in renderer.tokens(rendered)) == 1
