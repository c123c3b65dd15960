"""Each mend: what it puts right, and the near miss that it must leave as it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.data.checks.damage import damaged, unseen_in
from ftkit.data.mending.decoding import decoded_again
from ftkit.data.mending.entities import without_entities
from ftkit.data.mending.mends import MENDS, chosen, steps
from ftkit.data.mending.spaces import (
    with_line_feeds,
    without_leading_space,
    without_trailing_space,
)
from ftkit.data.mending.spelling import usual_spelling
from ftkit.data.mending.unseen import without_unseen
from ftkit.errors import ConfigError
from tests.faults.planted_damage import as_pieces, decoded_wrongly
from tests.test_check_damage import SENTENCES


@pytest.mark.parametrize("text", SENTENCES)
@pytest.mark.parametrize("wrong", ["cp1252", "latin-1"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_wrong_decoding_is_turned_back_however_often_it_was_done(
    text: str, wrong: str, times: int
) -> None:
    spoiled = text
    for _ in range(times):
        spoiled = decoded_wrongly(spoiled, wrong)
    (mend,) = (one for one in MENDS if one.name == "wrong_decoding")
    *_, last = steps(spoiled, [mend])
    assert last.after == text


def test_a_text_of_which_a_part_is_damaged_keeps_the_other_part() -> None:
    text = "Der Käse aus KÃ¶ln: 5 â‚¬, «NÃO» und é"
    assert decoded_again(text) == "Der Käse aus Köln: 5 €, «NÃO» und é"


@pytest.mark.parametrize(
    "text",
    [
        *SENTENCES,
        "PREÇO: «NÃO» É MAÇÃ»",
        "Ã is a letter, and so is Â.",
        "see Ö³ in the table",
        "one Å‚ alone is doubtful",  # FT502 is not certain of it
        "CAFÉ® and CAFÉ®: twice the same is no proof",
        "KÃ¶ln and é: one Å‚ is doubtful, and half of a text is never mended",
        "d√©j√† vu",  # FT503: Mac Roman
        "Mojibake such as Ã© comes from a wrong encoding.",
        "Why does my UTF-8 file show Ã¼ instead of ü?",
        "KÃ¶ln: Â€, Â‚ come out as characters that are lost as well",
        "a caf\ufffd",
        "it\x92s",
    ],
)
def test_wrong_decoding_that_is_not_certain_stays(text: str) -> None:
    assert decoded_again(text) == text


def test_what_is_lost_stays_lost_and_the_rest_is_mended() -> None:
    assert decoded_again("a caf\ufffd in KÃ¶ln") == "a caf\ufffd in Köln"


@pytest.mark.parametrize(
    "char",
    ["\x01", "\x06", "\x0e", "\x7f", "\u200b", "\ufeff", "\u00ad", "\u2060", "\u202e", "\u2066", "\u034f", "\u3164", "\u200d"],
)  # fmt: skip
def test_characters_that_nobody_sees_go(char: str) -> None:
    assert without_unseen(f"pass{char}word") == "password"


@pytest.mark.parametrize(
    "text",
    [
        "a\tb\r\nc",
        "👩\u200d💻 and 👨\u200d👩\u200d👧",
        "می\u200cخواهم",
        "क्\u200dष",
        "❤\ufe0f",
        "שלום \u200fabc",
        "מחיר: \u206612 USD\u2069 ליום",  # marks of direction where there is something to turn
        "\u202aabc\u202c و",
        "ภาษา\u200bไทย",  # where a word ends, in a script without spaces
        "ខ្ញុំ\u200bទៅ",
        "1990\u00ad1995",  # a hyphen of Latin-1
        "Donau\u00ad\ndampf",
        "don\x19t",  # what is left of U+2019
        "he said \x1chello\x1d",
        "8=FIX\x019=178\x0135=A",  # a separator
        "one page\x0canother page",
        "first\x0bsecond",
        "\x1b[31mred\x1b[0m",  # without the escape the rest is rubbish
        "abc\x08\x08\x01 d",
        "\x0304red",  # a colour of IRC
        "f\u2061(x)",
        "漢\ufff9か\ufffb",
        "Å\u00adx",  # may be a piece of a letter
        "Ã¡ and \u00ad",  # FT502 comes first: its pieces are no characters
    ],
)
def test_unseen_characters_with_a_meaning_stay(text: str) -> None:
    assert without_unseen(text) == text


def test_beside_a_space_a_page_break_goes() -> None:
    assert without_unseen("one page\n\x0canother") == "one page\nanother"


@pytest.mark.parametrize(
    ("text", "mended"),
    [("yes ", "yes"), ("yes\n", "yes"), ("a\nb \t\r\n\n", "a\nb"), ("oui\u00a0", "oui"), ("はい\u3000", "はい")],
)  # fmt: skip
def test_white_space_at_the_end_goes(text: str, mended: str) -> None:
    assert without_trailing_space(text) == mended


@pytest.mark.parametrize("text", [" yes", "\n  a  b\n c", "said \x1dhello\x1d", "a\x85", "\tx"])
def test_white_space_elsewhere_stays(text: str) -> None:
    assert without_trailing_space(text) == text


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        (" yes", "yes"),
        ("\n\nyes", "yes"),
        (" yes\n", "yes\n"),
        ("\n    x = 1\n    y = 2", "    x = 1\n    y = 2"),
    ],
)
def test_white_space_at_the_beginning_goes_by_choice(text: str, mended: str) -> None:
    assert without_leading_space(text) == mended


@pytest.mark.parametrize("text", ["yes", "    x = 1\n    y = 2", "\tif a:\n\t\tb"])
def test_a_first_line_that_is_indented_like_code_stays(text: str) -> None:
    assert without_leading_space(text) == text


def test_line_ends_of_windows_become_line_feeds() -> None:
    assert with_line_feeds("a\r\nb\r\r\nc") == "a\nb\nc"
    assert (
        with_line_feeds("a\rb\n") == "a\rb\n"
    )  # a lone return may overwrite, or end a line of old


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("Fish &amp; chips", "Fish & chips"),
        ("It&#39;s 1 &lt; 2", "It's 1 < 2"),
        ("caf&eacute;&nbsp;&hellip;", "café\u00a0…"),
        ("5&#8364;, &#x41;", "5€, A"),
    ],
)
def test_entities_become_characters_by_choice(text: str, mended: str) -> None:
    assert without_entities(text) == mended


@pytest.mark.parametrize(
    "text",
    [
        "AT&T and R&D",
        "x &copy y",
        "```html\n&amp;\n```",
        "<html>&amp;</html>",
        "write &amp;lt; for a &lt;",  # escaped twice: it is about entities
        "&lt;b&gt;bold&lt;/b&gt;",  # would become a tag
        "a&#173;b &amp; c",  # would become a character that nobody sees
        "&#128;&#00;",
    ],
)
def test_entities_that_may_be_meant_stay(text: str) -> None:
    assert without_entities(text) == text


def labelled(*answers: str) -> list[object]:
    from ftkit.data import load

    return list(
        load([{"prompt": f"text {n} of many", "completion": a} for n, a in enumerate(answers)])
    )


def test_a_label_is_written_in_its_most_frequent_way() -> None:
    answers = ["refund"] * 6 + ["Refund"] * 2 + ["shipping"] * 5 + ["shipping."] * 1
    assert usual_spelling(labelled(*answers)) == {"Refund": "refund", "shipping.": "shipping"}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answers",
    [
        [f"Answer {n % 9} is a text." for n in range(9)] + ["answer 1 is a text"],  # no labels
        ['{"route": "a"}'] * 6 + ['{"route": "A"}'] * 6,  # inside JSON
        ["red, blue", "blue, tin", "red, tin", "Red, oak", "oak, tin", "oak, blue"]
        * 4,  # several labels in a row
        ["refund"] * 6 + ["refunds"] * 6,  # two labels
    ],
)
def test_what_is_no_lone_label_written_in_two_ways_stays(answers: list[str]) -> None:
    assert usual_spelling(labelled(*answers)) == {}  # type: ignore[arg-type]


def test_a_mend_that_would_leave_nothing_is_not_done() -> None:
    assert list(steps(" \n", MENDS[:5])) == []
    assert list(steps("\u200b", MENDS[:5])) == []


def test_mends_are_chosen_by_name() -> None:
    unasked = ["wrong_decoding", "unseen_characters", "trailing_space", "byte_order_mark"]
    assert [mend.name for mend in chosen(None, None)] == unasked
    assert [mend.name for mend in chosen(None, ["trailing_space"])] == [*unasked[:2], unasked[3]]
    assert [mend.name for mend in chosen(["html_entities"], None)] == ["html_entities"]
    assert chosen([], None) == ()
    with pytest.raises(ConfigError, match="did you mean 'html_entities'"):
        chosen(["html_entity"], None)
    with pytest.raises(ConfigError, match="takes a list"):
        chosen("html_entities", None)


PIECES = ("Ã©", "Å‚", "â€™", "é", "a", " ", "\u200b", "\u00ad", "\ufeff", "\x01", "\x1b", "\x19", "\u202e", "ש", "&amp;",
          "&lt;", "&#8203;", "&#195;&#169;", "\r\n", "\n", "\x85", "Ã", "©", "\ufffd", "1", "👩", "\u200d", "Å", "Â", "UTF-8")  # fmt: skip
TEXTS = st.one_of(st.text(max_size=30), st.lists(st.sampled_from(PIECES), max_size=14).map("".join))


@settings(max_examples=2000, deadline=None)
@given(TEXTS)
def test_a_mended_text_has_nothing_left_to_mend(text: str) -> None:
    mends = [mend for mend in MENDS if mend.place in ("text", "end", "start")]
    for some in (mends, [mend for mend in mends if mend.unasked], *([mend] for mend in mends)):
        last = text
        for step in steps(text, some):
            assert step.before == last and len(step.after) < len(last)
            last = step.after
        assert list(steps(last, some)) == []


@settings(max_examples=1000, deadline=None)
@given(TEXTS)
def test_a_mended_text_has_no_more_damage_than_before(text: str) -> None:
    mended = decoded_again(text)
    assert mended == text or damaged(text)
    assert len(damaged(mended)) <= len(damaged(text))
    seen = without_unseen(text)
    assert seen == text or len(unseen_in(seen)) < len(unseen_in(text))


def test_pieces_are_planted_as_they_are_read() -> None:
    assert as_pieces("é’") == "Ã©â€™"
