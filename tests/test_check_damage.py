"""FT502 to FT505: wrong decodings, leftover HTML, characters that nobody sees."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from ftkit.data import CheckReport, Dataset, Severity, check, load
from ftkit.data.checks.damage import damaged, markup, unseen_characters, wrong_decoding
from ftkit.data.checks.view import view
from tests.published_data import banking77, e2e, gsm8k, needs_published

CODES = ("FT502", "FT503", "FT504", "FT505")


def prompts(*texts: str, fill: int = 60) -> Dataset:
    good = [f"What is the answer to question {n} of the list?" for n in range(fill)]
    return load(
        [{"prompt": t, "completion": f"Answer {n}."} for n, t in enumerate([*texts, *good])]
    )


def found(report: CheckReport) -> dict[str, tuple[Severity, tuple[int, ...]]]:
    return {f.code: (f.severity, f.rows) for f in report.findings if f.code in CODES}


SENTENCES = (
    "Où est le café de l’été dernier ?",
    "Die Größe der Tür beträgt 2 Meter.",
    "El niño comió una piña en España.",
    "“It’s a test” – she said…",
    "Price: 20 € or £15, 30° warm",
    "Привет, как дела сегодня?",
    "Καλημέρα κόσμε, τι κάνεις;",
    "Zażółć gęślą jaźń",
    "今天天气很好,我们去公园吧。",
    "Great work 🎉🚀 thanks 👍",
)


def twice(text: str, wrong: str = "cp1252") -> str:
    """The bytes of UTF-8 read as something else; what that cannot read is read as Latin-1, as browsers do."""
    out = []
    for byte in text.encode():
        try:
            out.append(bytes([byte]).decode(wrong))
        except UnicodeDecodeError:
            out.append(chr(byte))
    return "".join(out)


@pytest.mark.parametrize("text", SENTENCES)
@pytest.mark.parametrize("wrong", ["cp1252", "latin-1"])
def test_ft502_utf8_read_as_something_else(text: str, wrong: str) -> None:
    spoiled = twice(text, wrong)
    assert spoiled != text
    assert found(check(prompts("a", spoiled))) == {"FT502": (Severity.WARNING, (2,))}


@pytest.mark.parametrize(
    "text",
    [
        *SENTENCES,
        "PREÇO: «NÃO» É MAÇÃ» E «IRMÃ…»",
        "«LIBERTÉ» et «ÉGALITÉ»",
        "Ääkkösiä ja Åland, ÄÄ",
        "naïve façade, Ångström, Ærø, Øresund",
        "50 ²/³ ± ½ × ¼ µm §3",
        "¡Qué día! ¿Sí? «Ñandú»",
        "Đà Nẵng, Việt Nam: phở và bún chả",
        "Ã is a letter, and so is Â.",
        "see Ö³ in the table",
    ],
)
def test_ft502_leaves_letters_of_all_languages_alone(text: str) -> None:
    assert damaged(text) == []


@pytest.mark.parametrize("text", ["a caf\ufffd", "it\x92s here", "\x80 20"])
def test_ft502_characters_that_were_lost(text: str) -> None:
    report = check(prompts(text))
    assert found(report) == {"FT502": (Severity.WARNING, (1,))}
    assert "lost characters in 1 rows" in report.findings[0].detail


@pytest.mark.skipif(find_spec("ftfy") is None, reason="ftfy is not installed")
def test_ft503_what_only_ftfy_takes_for_damage_is_a_note() -> None:
    text = "d√©j√† vu"  # UTF-8 read as Mac Roman, which the certain patterns do not look for
    report = check(prompts("a", text))
    assert damaged(text) == [] and found(report) == {"FT503": (Severity.INFO, (2,))}


def test_ft503_says_that_it_did_not_run_where_ftfy_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ftfy", None)
    monkeypatch.setitem(sys.modules, "ftfy.badness", None)
    report = check(prompts("Zażółć gęślą jaźń"))
    assert [one.why for one in report.skipped if "FT503" in one.codes] == [
        "pip install 'ftkit[data]'"
    ]
    assert "FT503 (text that may be decoded wrongly): pip install 'ftkit[data]'" in str(report)
    assert any(one["codes"] == ["FT503"] for one in report.to_dict()["skipped"])
    # ASCII cannot be damaged so: nothing was missed, and nothing is said
    assert not [one for one in check(prompts("a")).skipped if "FT503" in one.codes]


@pytest.mark.parametrize(
    "text",
    ["Fish &amp; chips", "It&#39;s", "1 &lt; 2", "a&nbsp;b", "caf&eacute;", "<p>Hello</p>", "line<br/>line",
     '<a href="https://x.org">x</a>', "<div class='a'>b</div>", "</span>"],
)  # fmt: skip
def test_ft504_html_in_ordinary_text(text: str) -> None:
    assert found(check(prompts("a", text))) == {"FT504": (Severity.WARNING, (2,))}


@pytest.mark.parametrize(
    "text",
    ["AT&T and R&D", "a < b and b > c", "<<48/2=24>>24", "<name> of <city>", "if (a<b && c>d)", "x &copy y",
     "```html\n<p>Hello</p>\n```", "<html><body><p>x</p></body></html>", "i<b>j in maths"[:3] + " > 2", "List<String> a"],
)  # fmt: skip
def test_ft504_leaves_signs_and_code_alone(text: str) -> None:
    assert found(check(prompts(text))) == {}


def test_ft504_is_a_note_where_the_data_is_about_html() -> None:
    rows = [f"<p>Text {n}</p>" for n in range(40)]
    assert found(check(prompts(*rows, fill=30)))["FT504"][0] is Severity.INFO


@pytest.mark.parametrize(
    "char",
    ["\x01", "\x07", "\x1b", "\u200b", "\ufeff", "\u202e", "\u2066", "\u00ad", "\u2060", "\u3164"],
)
def test_ft505_characters_that_nobody_sees(char: str) -> None:
    report = check(prompts("a", f"pass{char}word"))
    assert found(report)["FT505"] == (Severity.WARNING, (2,))
    assert f"U+{ord(char):04X} in 1 rows" in str(report)


@pytest.mark.parametrize(
    "text",
    [
        "a\tb\r\nc",
        "👩\u200d💻 and 👨\u200d👩\u200d👧",
        "می\u200cخواهم",
        "क्\u200dष",
        "e\u0301",
        "❤\ufe0f",
        "שלום \u200fabc",
    ],
)
def test_ft505_leaves_white_space_emoji_and_scripts_that_join_alone(text: str) -> None:
    assert found(check(prompts(text))) == {}


def test_ft505_a_joiner_between_latin_letters_is_hidden() -> None:
    assert "FT505" in found(check(prompts("pass\u200dword")))


@needs_published
@pytest.mark.parametrize("name", ["banking77", "gsm8k", "e2e"])
def test_published_data_is_whole_but_for_one_zero_width_space(name: str) -> None:
    rows = {"banking77": banking77, "gsm8k": gsm8k, "e2e": e2e}[name]()
    seen = view(load([{"prompt": p, "completion": c} for p, c in rows]), None, None)
    findings = [f for rule in (wrong_decoding, markup, unseen_characters) for f in rule(seen)]
    assert [(f.code, f.count) for f in findings] == ([("FT505", 1)] if name == "gsm8k" else [])
