"""`ftkit.fix`: a new file in which what was damaged is whole, every other byte is the old one, and every change is logged."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ftkit
from ftkit.data.formats import PromptCompletion
from ftkit.data.mending import MENDS
from ftkit.data.mending.mends import chosen, steps
from ftkit.data.mending.rows import RowMender
from ftkit.errors import ConfigError, DataError, Fault, NotFound
from ftkit.types import Example, Fixed
from tests.test_mends import TEXTS

GOOD = b'{"completion":"yes", "prompt" : "a \\u00e9 \\/ 1", "n": [1.0, 1e5, 1.10, 123456789012345678901234567890]}'
BAD = b'{"completion":"oui  \\n",  "prompt":"caf\xc3\x83\xc2\xa9 \\/ \\"x\\"", "n": [1.0, 1e5, 123456789012345678901234567890 ]}'
MENDED = b'{"completion":"oui",  "prompt":"caf\xc3\xa9 / \\"x\\"", "n": [1.0, 1e5, 123456789012345678901234567890 ]}'


def fixed(body: bytes, name: str = "rows.jsonl", **options: Any) -> bytes:
    """What becomes of a file, in bytes; the log is looked at by the tests that are about it."""
    Path(name).write_bytes(body)
    out = f"fixed.{name}"
    ftkit.fix(name, out, force=True, **options)
    return Path(out).read_bytes()


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def log(name: str = "fixed.rows.jsonl.fixes.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(name).read_text("utf-8").splitlines()]


def everything() -> list[str]:
    return sorted(path.name for path in Path.cwd().iterdir() if path.name != ".git")


# --- bytes ------------------------------------------------------------------------------------------------------


def test_only_the_texts_that_are_mended_change_their_bytes() -> None:
    assert fixed(GOOD + b"\n" + BAD + b"\n" + GOOD) == GOOD + b"\n" + MENDED + b"\n" + GOOD


@pytest.mark.parametrize(
    "frame",
    [
        b"%s\n%s\n%s\n",
        b"%s\r\n%s\r\n%s\r\n",
        b"\n%s \t\r\n\n\n%s\n%s",
        b"  %s\n%s\n\n%s\n \n",
    ],
)
def test_what_stands_between_rows_stays(frame: bytes) -> None:
    assert fixed(frame % (GOOD, BAD, GOOD)) == frame % (GOOD, MENDED, GOOD)


@pytest.mark.parametrize("frame", [b"[%s,%s,%s]", b" [\r\n %s ,\n\t%s\n,\n%s ] \n"])
def test_an_array_stays_one(frame: bytes) -> None:
    assert fixed(frame % (GOOD, BAD, GOOD), "rows.json") == frame % (GOOD, MENDED, GOOD)


def test_escapes_stay_escapes() -> None:
    row = b'{"prompt": "q", "completion": "caf\\u00c3\\u00a9 "}\n'
    assert fixed(row) == b'{"prompt": "q", "completion": "caf\\u00e9"}\n'


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_keeps_its_separator_quotes_and_line_ends(separator: str, end: str) -> None:
    head = f"id{separator}prompt{separator}completion{end}"
    good = f'"1"{separator}a "b{separator}"x""y""{separator}z"{end}'
    bad = f'"2"{separator}"two{end}lines"{separator}"cafÃ© " {separator}'.removesuffix(
        f" {separator}"
    )
    mended = bad.replace("Ã©", "é").replace('é "', 'é"')
    body = (head + good + bad + end + end + good).encode()
    assert fixed(body, "rows.csv") == (head + good + mended + end + end + good).encode()


def test_a_table_of_conversations_is_mended_inside_its_cells() -> None:
    turns = [
        {"role": "user", "content": 'a "b"'},
        {"role": "assistant", "content": "cafÃ©", "weight": 1},
    ]
    cell = json.dumps(turns, ensure_ascii=False).replace('"', '""')
    body = f'id,messages\r\n1,"{cell}"\r\n'.encode()
    assert fixed(body, "rows.csv") == body.replace("Ã©".encode(), "é".encode())


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json"])
def test_a_byte_order_mark_goes_from_json(name: str) -> None:
    body = b"[" + GOOD + b"]" if name == "rows.json" else GOOD
    assert fixed(b"\xef\xbb\xbf" + body, name) == body
    (change,) = log(f"fixed.{name}.fixes.jsonl")
    assert change["mend"] == "byte_order_mark"
    assert fixed(b"\xef\xbb\xbf" + body, name, skip=["byte_order_mark"])[:3] == b"\xef\xbb\xbf"


def test_a_byte_order_mark_of_a_table_stays_unless_named() -> None:
    body = b"\xef\xbb\xbfprompt,completion\na,b\n"
    assert fixed(body, "rows.csv") == body
    assert fixed(body, "rows.csv", only=["byte_order_mark"]) == body[3:]


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_packed_file_stays_packed_and_is_the_same_each_time(ending: str) -> None:
    zstandard = pytest.importorskip("zstandard")
    pack: Callable[[bytes], bytes] = gzip.compress if ending == ".gz" else zstandard.compress
    name = f"rows.jsonl{ending}"
    first = fixed(pack(GOOD + b"\n" + BAD), name)
    second = fixed(pack(GOOD + b"\n") + pack(BAD), name)
    unpacked = gzip.decompress(first) if ending == ".gz" else zstandard.ZstdDecompressor().decompressobj().decompress(first)  # fmt: skip
    assert unpacked == GOOD + b"\n" + MENDED
    assert first == second


def test_a_file_without_damage_is_copied(capsys: pytest.CaptureFixture[str]) -> None:
    assert fixed(GOOD + b"\n" + GOOD) == GOOD + b"\n" + GOOD
    assert log() == []


# --- which texts ------------------------------------------------------------------------------------------------

ANSWER = "cafÃ©\u200b "
SHAPES: dict[str, dict[str, Any]] = {
    "chat": {
        "messages": [
            {"role": "system", "content": "Ã© "},
            {"role": "user", "content": [{"type": "text", "text": "Ã© "}]},
            {"role": "assistant", "content": ANSWER},
        ]
    },
    "preference": {
        "input": {"messages": [{"role": "user", "content": "Ã© "}]},
        "preferred_output": [{"role": "assistant", "content": ANSWER}],
        "non_preferred_output": [{"role": "assistant", "content": "thÃ© "}],
    },
    "chosen_rejected": {"prompt": "Ã© ", "chosen": ANSWER, "rejected": "thÃ© "},
    "chosen_rejected, whole": {
        "chosen": [{"role": "user", "content": "Ã© "}, {"role": "assistant", "content": ANSWER}],
        "rejected": [{"role": "user", "content": "Ã© "}, {"role": "assistant", "content": "thÃ© "}],
    },
    "chosen_rejected, with the question again": {
        "prompt": "Ã© ",
        "chosen": [{"role": "user", "content": "Ã© "}, {"role": "assistant", "content": ANSWER}],
        "rejected": [{"role": "user", "content": "Ã© "}, {"role": "assistant", "content": "thÃ© "}],
    },
    "alpaca": {
        "instruction": "Ã© ",
        "input": "Ã© ",
        "output": ANSWER,
        "history": [["Ã© ", "thÃ© "]],
    },
    "sharegpt": {
        "conversations": [{"from": "human", "value": "Ã© "}, {"from": "gpt", "value": ANSWER}]
    },
    "sharegpt, with the system text again": {
        "system": "Ã© ",
        "conversations": [
            {"from": "system", "value": "Ã© "},
            {"from": "human", "value": "Ã© "},
            {"from": "gpt", "value": ANSWER},
        ],
    },
    "prompt_completion": {"prompt": "Ã© ", "completion": ANSWER},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_format_is_mended_in_all_turns_and_cut_at_the_end_of_answers_only(shape: str) -> None:
    row = {**SHAPES[shape], "note": "cafÃ© "}
    after = fixed(lines(row))
    expected = json.dumps(SHAPES[shape], ensure_ascii=False).replace(ANSWER, "café")
    expected = expected.replace("thÃ© ", "thé").replace("Ã© ", "é ")
    assert json.loads(after) == {**json.loads(expected), "note": "cafÃ© "}


def test_roles_names_ids_addresses_tools_and_calls_are_never_touched() -> None:
    wrong = "GrÃ¶ÃŸe"
    tool = {
        "type": "function",
        "function": {
            "name": wrong,
            "description": wrong,
            "parameters": {"type": "object", "properties": {wrong: {"enum": [wrong]}}},
        },
    }
    call = {
        "id": wrong,
        "type": "function",
        "function": {"name": wrong, "arguments": json.dumps({wrong: wrong}, ensure_ascii=False)},
    }
    row = {
        "messages": [
            {
                "role": "user",
                "name": wrong,
                "content": [
                    {"type": "text", "text": "q"},
                    {"type": "image_url", "image_url": {"url": f"https://a.example/{wrong}.png"}},
                ],
            },
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": wrong, "content": "found"},
            {"role": "assistant", "content": "yes"},
        ],
        "tools": [tool],
        "size": wrong,
    }
    assert fixed(lines(row)) == lines(row)


def test_of_an_answer_in_parts_only_the_last_is_cut() -> None:
    parts = [{"type": "text", "text": "a "}, {"type": "text", "text": "b "}]
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": parts}]}
    assert fixed(lines(row)) == lines(row).replace(b'"b "', b'"b"')


def test_a_pair_that_differs_in_white_space_only_stays_a_pair() -> None:
    row = {"prompt": "q", "chosen": "yes", "rejected": "yes "}
    assert fixed(lines(row)) == lines(row)


def test_a_text_that_a_user_and_an_answer_share_is_cut_in_the_answer_only() -> None:
    row = {"prompt": "ok ", "completion": "ok "}
    assert fixed(lines(row)) == lines({"prompt": "ok ", "completion": "ok"})


class Strict(PromptCompletion):
    """A format that refuses a word."""

    def faults(self, values: Any) -> Iterator[Fault]:
        yield from super().faults(values)
        if "café" in values["prompt"]:
            yield Fault("no café here")


class Structured(PromptCompletion):
    """A format in which a text is structure too."""

    def example(self, values: Any) -> Example:
        made = super().example(values)
        spaces = values["completion"].count(" ")
        return replace(made, fields={"spaces": spaces})


@pytest.mark.parametrize(
    ("format", "column"), [(Strict(), "prompt"), (Structured(), "completion")], ids=str
)
def test_a_text_whose_mending_would_change_more_than_that_text_stays(
    format: Any, column: str
) -> None:
    row = {"prompt": "cafÃ©", "completion": "thÃ© "}
    done = RowMender(format, chosen(None, None)).mend(row)
    assert done.values[column] == row[column]
    assert [one.path for one in done.texts] == [
        (name,) for name in ("prompt", "completion") if name != column
    ]


def test_an_answer_of_nothing_but_white_space_stays_for_a_person() -> None:
    row = {"prompt": "q", "completion": " \n"}
    assert fixed(lines(row)) == lines(row)


def test_labels_are_spelled_in_one_way_by_choice() -> None:
    answers = ["refund"] * 8 + ["Refund", "refund."] + ["shipping"] * 8
    rows = [{"prompt": f"text {n} of many", "completion": a} for n, a in enumerate(answers)]
    assert fixed(lines(*rows)) == lines(*rows)
    after = fixed(lines(*rows), only=["label_spelling"])
    assert [json.loads(line)["completion"] for line in after.splitlines()] == ["refund"] * 10 + ["shipping"] * 8  # fmt: skip
    assert [(c["row"], c["code"], c["before"]) for c in log()] == [
        (9, "FT305", "Refund"),
        (10, "FT305", "refund."),
    ]
    mends = {f.code: f.mend for f in ftkit.check("rows.jsonl").findings}
    assert "`ftkit fix --only label_spelling`" in mends["FT305"]
    assert "FT305" not in {f.code for f in ftkit.check("fixed.rows.jsonl").findings}


def test_labels_inside_json_are_for_a_person() -> None:
    answers = ['{"route": "refund"}'] * 8 + ['{"route": "Refund"}'] * 2 + ['{"route": "x"}'] * 8
    rows = [{"prompt": f"text {n} of many", "completion": a} for n, a in enumerate(answers)]
    assert fixed(lines(*rows), only=["label_spelling"]) == lines(*rows)
    mends = {f.code: f.mend for f in ftkit.check("rows.jsonl").findings}
    assert mends["FT305"] == "write each label in one way"


def test_named_columns_and_a_system_prompt_are_as_load_takes_them() -> None:
    body = lines({"text": "q ", "route": "cafÃ© ", "prompt": "Ã©"})
    after = fixed(body, prompt="text", completion="route", system="Route it.")
    assert after == lines({"text": "q ", "route": "café", "prompt": "Ã©"})


# --- rows that go -----------------------------------------------------------------------------------------------

ONE, TWO, THREE = ({"prompt": f"q{n}", "completion": f"a{n}"} for n in (1, 2, 3))


def test_equal_rows_stay_unless_they_are_to_be_dropped() -> None:
    body = lines(ONE, TWO, ONE, THREE, TWO)
    assert fixed(body) == body
    assert fixed(body, drop_duplicates=True) == lines(ONE, TWO, THREE)
    assert [(c["row"], c["detail"]) for c in log()] == [
        (3, "equal to row 1"),
        (5, "equal to row 2"),
    ]
    assert "FT301" not in {f.code for f in ftkit.check("fixed.rows.jsonl").findings}


def test_rows_are_equal_when_they_are_equal_after_mending() -> None:
    assert fixed(lines(ONE, {**ONE, "completion": "a1 "}), drop_duplicates=True) == lines(ONE)


def test_a_dropped_row_with_another_column_is_whole_in_the_log() -> None:
    other = {**ONE, "id": 7}
    assert fixed(lines(ONE, other), drop_duplicates=True) == lines(ONE)
    import base64

    assert base64.b64decode(log()[0]["bytes_base64"]) == lines(other).strip()


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("name", "frame"),
    [("rows.jsonl", b"%s\n%s\n%s\n"), ("rows.json", b"[\n %s,\n %s,\n %s\n]\n"), ("rows.csv", b"prompt,completion\r\n%s\r\n%s\r\n%s\r\n")],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_dropped_only_on_demand(
    name: str, frame: bytes, first: bool
) -> None:
    import base64

    rows = {
        ".csv": (b"q1,a1", b"q2,a2", b"only \xff one"),
        ".json": (lines(ONE).strip(), lines(TWO).strip(), b'{"prompt": \xff nonsense, "k": [1]}'),
    }
    one, two, bad = rows.get(Path(name).suffix, rows[".json"])
    body = frame % ((bad, one, two) if first else (one, bad, two))
    with pytest.raises(DataError) as said:
        fixed(body, name)
    with pytest.raises(DataError) as loaded:
        ftkit.load(name)
    assert str(said.value) == str(loaded.value)
    assert said.value.faults[0].row == (1 if first else 2)
    assert "fixed." + name not in everything()
    after = fixed(body, name, drop_unreadable=True)
    assert [e.answer for e in ftkit.load(f"fixed.{name}")] == ["a1", "a2"]
    (gone,) = log(f"fixed.{name}.fixes.jsonl")
    assert base64.b64decode(gone["bytes_base64"]) == bad
    assert (gone["row"], gone["code"]) == (said.value.faults[0].row, "FT001")
    assert body[gone["offset"] :].startswith(bad) and gone["detail"]
    assert after.count(b"\n") == body.count(b"\n") - 1


def test_the_last_row_of_an_array_can_be_dropped_too() -> None:
    good = lines(ONE).strip()
    body = b"[%s, {]}, %s , nonsense \n]" % (good, good)
    with pytest.raises(DataError, match="row 2 cannot be read and is not dropped"):
        fixed(body, "rows.json", drop_unreadable=True)
    body = b"[%s, {}, %s , nonsense \n]" % (good, good)
    assert fixed(body, "rows.json", drop_unreadable=True) == b"[%s, %s \n]" % (good, good)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("rows.csv", b'prompt,completion\nq1,a1\nq2,"open\nq3,a3\nq4,a4\n'),  # the rest may be good
        ("rows.json", b'[{"prompt":"q","completion":"a"}, {"a": 1}}, {"prompt":"q","completion":"b"}]'),
        ("rows.json", b'[{"prompt":"q","completion":"a"}, {"a": 1'),
        ("rows.json", b'[{"prompt":"q","completion":"a"}, {"a": 1}}, {{"prompt":"q","completion":"b"}]'),
        ("rows.json", b'[{"prompt":"q","completion":"a"}, "open, {"prompt":"q","completion":"b"}]'),
        ("rows.json", b'[{"prompt":"q","completion":"a"}, "open]'),
        ("rows.jsonl.gz", gzip.compress(lines(ONE, TWO, THREE), compresslevel=0)[:-30]),
    ],
)  # fmt: skip
def test_what_may_hold_good_rows_is_not_dropped(name: str, body: bytes) -> None:
    with pytest.raises(DataError):
        fixed(body, name, drop_unreadable=True)
    assert everything() == [name]


def test_rows_of_another_shape_are_dropped_with_the_reason() -> None:
    chat = {"messages": [{"role": "usr", "content": "q"}]}
    good = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    assert fixed(lines(good, chat, good), drop_unreadable=True) == lines(good, good)
    assert "unknown role 'usr'" in log()[0]["detail"]


def test_where_no_row_would_be_left_nothing_is_written() -> None:
    with pytest.raises(DataError):
        fixed(b"{\n{\n", drop_unreadable=True)
    assert everything() == ["rows.jsonl"]


# --- the log ----------------------------------------------------------------------------------------------------


def test_every_change_is_a_line_with_its_place_and_both_texts_in_bounds() -> None:
    long = "x" * 5000
    fixed(b"\n" + lines(ONE, {"prompt": f"{long}Ã©{long}", "completion": "a\u200bb "}))
    assert log() == [
        {"row": 2, "line": 3, "field": "prompt", "mend": "wrong_decoding", "code": "FT502", "at": 5000,
         "before": f"...{'x' * 20}Ã©{'x' * 20}...", "after": f"...{'x' * 20}é{'x' * 20}..."},
        {"row": 2, "line": 3, "field": "completion", "mend": "unseen_characters", "code": "FT505", "at": 1,
         "before": "a\u200bb ", "after": "ab "},
        {"row": 2, "line": 3, "field": "completion", "mend": "trailing_space", "at": 2, "before": "ab ", "after": "ab"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "secret"),
    [
        ("sk-proj-", "Ab3dEf6hIj9kLm2nOp5q"),
        ("my password: ", "hunter2!Xy9"),
        ("", "4111 1111 1111 1111"),
        ("", "ann.lee@shop.org"),
        ("", "Zx8Kq2Lm9Pw4Rt7Yv1Nb6Hc3Jd5Fg0Sa"),
    ],
)
@pytest.mark.parametrize("hole", ["", "\u200b", "\u2061"])  # the last one stays
def test_no_excerpt_shows_a_secret_of_its_text(before: str, secret: str, hole: str) -> None:
    # a hole in it hides it from the detectors, until it is mended
    body = lines({"prompt": f"Ã© {before}{secret[:6]}{hole}{secret[6:]} ", "completion": "a"})
    done = dry(body)
    fixed(body)
    shown = json.dumps(done.to_dict()) + str(done)
    shown += Path("fixed.rows.jsonl.fixes.jsonl").read_text()
    assert shown.count("[not shown: ") >= 4
    for start in range(len(secret) - 5):
        assert secret[start : start + 6] not in shown


def dry(body: bytes, **options: Any) -> Fixed:
    Path("rows.jsonl").write_bytes(body)
    return ftkit.fix("rows.jsonl", **options)


def test_the_result_counts_what_was_done() -> None:
    import hashlib

    body = lines(ONE, {**TWO, "completion": "cafÃ© "}, ONE)
    Path("rows.jsonl").write_bytes(body)
    done = ftkit.fix("rows.jsonl", "out.jsonl", log="changes.jsonl", drop_duplicates=True)
    assert (done.rows, done.rows_changed, done.rows_dropped) == (3, 1, 1)
    assert done.mends == {"wrong_decoding": 1, "trailing_space": 1, "equal_rows": 1}
    assert done.sha256_before == hashlib.sha256(body).hexdigest()
    assert done.sha256_after == hashlib.sha256(Path("out.jsonl").read_bytes()).hexdigest()
    assert (done.path, done.log) == (Path("out.jsonl"), Path("changes.jsonl"))
    assert len(log("changes.jsonl")) == 3
    assert [c.to_dict() for c in done.changes] == log("changes.jsonl")


def test_without_a_file_to_write_to_nothing_is_written_and_all_is_said() -> None:
    body = lines(*({**ONE, "completion": f"a{n} "} for n in range(30)))
    done = dry(body)
    assert everything() == ["rows.jsonl"]
    assert (done.path, done.log, done.rows_changed, len(done.changes)) == (None, None, 30, 10)
    assert "30 of 30 rows would change" in str(done) and "... and 20 more" in str(done)
    assert ftkit.fix("rows.jsonl", "out.jsonl").sha256_after == done.sha256_after


# --- again, and by the check ------------------------------------------------------------------------------------


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6), st.booleans())
def test_a_second_time_nothing_is_changed(pairs: list[tuple[str, str]], all_of_it: bool) -> None:
    rows = [
        {"messages": [{"role": "user", "content": p}, {"role": "assistant", "content": c}]}
        for p, c in ((p.replace("\0", ""), c.replace("\0", "")) for p, c in pairs)
    ]
    only = [m.name for m in MENDS] if all_of_it else None
    options: dict[str, Any] = {"only": only, "drop_duplicates": all_of_it}
    once = fixed(lines(*rows), **options)
    again = dry(once, **options)
    assert (again.mends, again.rows_changed, again.sha256_after) == ({}, 0, again.sha256_before)


def as_mended(text: str, answer: bool) -> str:
    """What the mends of a text say, wherever it stands."""
    fitting = [m for m in chosen(None, None) if m.place == "text" or (answer and m.place == "end")]
    return [text, *(step.after for step in steps(text, fitting))][-1]


def spaced(value: Any, chance: random.Random) -> str:
    """JSON with any spaces and escapes, as tools of all kinds write it."""
    space = chance.choice(["", " ", "  ", "\t"])
    if isinstance(value, dict):
        inside = [
            f"{spaced(k, chance)}{space}:{space}{spaced(v, chance)}" for k, v in value.items()
        ]
        return "{" + space + f"{space},{space}".join(inside) + "}"
    if isinstance(value, list):
        return "[" + f",{space}".join(spaced(v, chance) for v in value) + space + "]"
    return json.dumps(value, ensure_ascii=chance.random() < 0.5)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
    st.sampled_from(["rows.jsonl", "rows.json", "rows.csv"]),
)
def test_the_new_file_reads_as_the_old_one_with_its_texts_mended(
    texts: list[tuple[str, str, str]], chance: random.Random, name: str
) -> None:
    cells = [[text.replace("\0", "").replace("\r", "") for text in row] for row in texts]
    rows = [{"prompt": p, "note": n, "completion": c} for p, n, c in cells]
    if name == "rows.csv":
        table = io.StringIO()
        quoting: Any = chance.choice([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
        end, delimiter = chance.choice(["\n", "\r\n"]), chance.choice(",;\t|")
        csv.writer(table, quoting=quoting, lineterminator=end, delimiter=delimiter).writerows(
            [["prompt", "note", "completion"], *cells]
        )
        body = table.getvalue().encode()
    else:
        written = [spaced(row, chance) for row in rows]
        end = chance.choice(["\n", "\r\n", "\n\n"])
        body = (
            f"[{f', {end}'.join(written)}]" if name == "rows.json" else end.join(written)
        ).encode()
    after = fixed(body, name, skip=["byte_order_mark"])
    expected = [
        {"prompt": as_mended(p, False), "note": n, "completion": as_mended(c, True)}
        for p, n, c in cells
    ]
    read = [
        {"prompt": e.messages[0].content, **e.fields, "completion": e.answer}
        for e in ftkit.load(f"fixed.{name}")
    ]
    assert read == expected
    if expected == rows:
        assert after == body


def test_check_finds_nothing_of_what_was_mended() -> None:
    rows = [{"prompt": f"Question {n}?", "completion": f"Answer {n}."} for n in range(60)]
    damage = ["cafÃ© ", "a\u200bb", "Fish &amp; chips"]
    bad = [{"prompt": f"{d} {n}?", "completion": f"{n} {d}"} for n, d in enumerate(damage)]
    Path("rows.jsonl").write_bytes(lines(*rows, *bad, bad[0]))

    def codes(path: str) -> set[str]:
        return {finding.code for finding in ftkit.check(path).findings}

    mended = {"FT301", "FT502", "FT504", "FT505"}
    assert mended <= codes("rows.jsonl")
    only = ["wrong_decoding", "unseen_characters", "html_entities", "trailing_space"]
    ftkit.fix("rows.jsonl", "out.jsonl", only=only, drop_duplicates=True)
    assert mended.isdisjoint(codes("out.jsonl"))


def test_a_finding_that_has_a_mend_names_it() -> None:
    rows = [
        {"prompt": "cafÃ©", "completion": "a\u200bb"},
        {"prompt": "x &amp; y", "completion": "b"},
    ]
    Path("rows.jsonl").write_bytes(lines(*rows, rows[0]))
    mends = {finding.code: finding.mend for finding in ftkit.check("rows.jsonl").findings}
    assert "`ftkit fix`" in mends["FT502"] and "`ftkit fix`" in mends["FT505"]
    assert "`ftkit fix --only html_entities`" in mends["FT504"]
    assert "`ftkit fix --drop-duplicates`" in mends["FT301"]
    Path("rows.jsonl").write_bytes(b"{\n" + lines(ONE))
    (finding,) = ftkit.check("rows.jsonl").findings
    assert "`ftkit fix rows.jsonl OUT --drop-unreadable`" in finding.mend


# --- what cannot be done ----------------------------------------------------------------------------------------


def test_options_that_cannot_be_meant() -> None:
    Path("rows.jsonl").write_bytes(lines(ONE))
    with pytest.raises(ConfigError, match="a file stays of its kind; `ftkit convert`"):
        ftkit.fix("rows.jsonl", "out.csv")
    with pytest.raises(ConfigError, match="a file stays of its kind"):
        ftkit.fix("rows.jsonl", "out.jsonl.gz")
    with pytest.raises(DataError, match="`ftkit convert` writes it as .jsonl"):
        ftkit.fix("rows.parquet", "out.parquet")
    with pytest.raises(ConfigError, match="takes the path of a file"):
        ftkit.fix([ONE])  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="name it with out="):
        ftkit.fix("rows.jsonl", log="log.jsonl")
    with pytest.raises(ConfigError, match="cannot both be"):
        ftkit.fix("rows.jsonl", "out.jsonl", log="./out.jsonl")
    with pytest.raises(NotFound, match="did you mean 'rows.jsonl'"):
        ftkit.fix("row.jsonl", "out.jsonl")
    with pytest.raises(DataError, match="no rows"):
        ftkit.fix(_empty(), "out.jsonl")
    assert everything() == ["empty.jsonl", "rows.jsonl"]


def _empty() -> Path:
    Path("empty.jsonl").write_bytes(b"\n")
    return Path("empty.jsonl")


def test_two_formats_that_fit_equally_are_refused_as_by_load() -> None:
    body = lines({"prompt": "q", "completion": "Ã©", "instruction": "q", "output": "Ã©"})
    with pytest.raises(DataError, match="format="):
        dry(body)
    assert dry(body, format="alpaca").format == "alpaca"


# --- large files ------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the peak")
@pytest.mark.parametrize("megabytes", [12, pytest.param(200, marks=pytest.mark.torture)])
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json.gz", "rows.csv"])
def test_memory_does_not_grow_with_the_file(name: str, megabytes: int) -> None:
    large = peak_mb(name, megabytes << 20)
    small = peak_mb(name, 2 << 20)
    print(f"{name}: {small} MB for 2 MB, {large} MB for {megabytes} MB")
    assert large < small + 12


def peak_mb(name: str, size: int) -> int:
    """Peak memory of a process that mends a file of so many bytes, a tenth of its rows damaged."""
    text = "A sentence of a row that is neither short nor very long. " * 20
    with (gzip.open if name.endswith(".gz") else open)(name, "wb") as file:
        written = number = 0
        while written < size:
            row = {"prompt": text, "completion": "cafÃ© " if number % 10 == 0 else "yes"}
            if name.endswith(".csv"):
                data = (b"" if number else b"prompt,completion\n") + f"{row['prompt']},{row['completion']}\n".encode()  # fmt: skip
            else:
                data = json.dumps(row).encode() + b"\n"
                if ".json." in name:
                    data = (b"," if number else b"[") + data
            written += file.write(data)
            number += 1
        file.write(b"]" if ".json." in name else b"")
    code = (
        f"import ftkit, re; done = ftkit.fix({name!r}, 'out.{name}', force=True);"
        "peak = re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read());"
        "print(int(peak[1]) >> 10, done.rows_changed)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    peak, changed = map(int, done.stdout.split())
    assert changed == -(-number // 10)
    return peak
