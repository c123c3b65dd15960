"""What a file may look like, and what `load` says about each row that it refuses."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftkit.data import load
from ftkit.errors import DataError, Fault, NotFound

GOOD = b'{"prompt": "a", "completion": "b"}'


def written(folder: Path, body: bytes, name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_bytes(body)
    return path


def faults_of(folder: Path, body: bytes, name: str = "rows.jsonl") -> tuple[Fault, ...]:
    with pytest.raises(DataError) as caught:
        load(written(folder, body, name))
    assert name in str(caught.value)
    return caught.value.faults


@pytest.mark.parametrize(
    "body",
    [
        GOOD + b"\n" + GOOD + b"\n",
        GOOD + b"\n" + GOOD,
        GOOD + b"\r\n" + GOOD + b"\r\n",
        b"\xef\xbb\xbf" + GOOD + b"\n" + GOOD,
        b"\n\n" + GOOD + b"\n   \n\t\r\n" + GOOD + b"\n\n",
    ],
    ids=["plain", "no last newline", "CRLF", "byte order mark", "blank lines"],
)
def test_legal_oddities_of_json_lines_load(tmp_path: Path, body: bytes) -> None:
    data = load(written(tmp_path, body))
    assert [(e.prompt[0].content, e.answer) for e in data] == [("a", "b"), ("a", "b")]


def test_rows_count_records_lines_count_lines_and_offsets_count_bytes(tmp_path: Path) -> None:
    body = '\n{"prompt": "ü", "completion": "b"}\r\n\n'.encode() + GOOD
    rows = load(written(tmp_path, body)).rows
    assert [(row.number, row.line) for row in rows] == [(1, 2), (2, 4)]
    for row in rows:
        assert row.offset is not None and body[row.offset :].startswith(b'{"prompt"')


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c"])
def test_a_unicode_line_separator_inside_a_string_ends_no_row(
    tmp_path: Path, separator: str
) -> None:
    row = json.dumps({"prompt": f"a{separator}b", "completion": "c"}, ensure_ascii=separator < " ")
    data = load(written(tmp_path, row.encode() + b"\n" + GOOD))
    assert data[0].prompt[0].content == f"a{separator}b" and len(data) == 2


def test_a_gzip_file_of_many_members_loads_whole(tmp_path: Path) -> None:
    body = b"".join(gzip.compress(GOOD + b"\n") for _ in range(3))
    assert len(load(written(tmp_path, body, "rows.jsonl.gz"))) == 3


def test_a_cut_or_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    body = gzip.compress(GOOD * 50)
    for broken in (body[:-9], body[:30], b"no gzip at all", body[:12] + b"\xff\xff" + body[14:]):
        with pytest.raises(DataError, match="gzip file is cut or damaged"):
            load(written(tmp_path, broken, "rows.jsonl.gz"))


def test_a_gzip_file_without_gz_in_its_name_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"name it rows\.jsonl\.gz"):
        load(written(tmp_path, gzip.compress(GOOD)))


BAD_LINES = {
    "cut": (b'{"prompt": "a", ', r"invalid JSON at column 1[67]: "),
    "unquoted": (b"{prompt: 1}", r"invalid JSON at column 2"),
    "two objects": (GOOD + GOOD, r"invalid JSON at column 35: extra data"),
    "a list": (b'["a", "b"]', r"must be a JSON object, this is a list"),
    "text": (b'"a"', r"must be a JSON object, this is text"),
    "null": (b"null", r"must be a JSON object, this is null"),
    "duplicate key": (b'{"prompt": "a", "prompt": "b"}', r"'prompt' appears twice"),
    "duplicate key inside": (b'{"prompt": "a", "x": [{"y": 1, "y": 2}]}', r"'y' appears twice"),
    "NaN": (b'{"prompt": "a", "completion": "b", "x": NaN}', r"NaN is not JSON"),
    "infinity": (b'{"prompt": "a", "completion": "b", "x": -Infinity}', r"-Infinity is not JSON"),
    "overflow": (b'{"prompt": "a", "completion": "b", "x": 1e999}', r"1e999 is too large"),
    "long integer": (b'{"prompt": "a", "x": ' + b"9" * 1001 + b"}", r"integer of 1,001 digits"),
    "invalid UTF-8": (b'{"prompt": "\xff"}', r"invalid UTF-8 at byte 13"),
    "surrogate bytes": (b'{"prompt": "\xed\xa0\x80"}', r"invalid UTF-8 at byte 13"),
    "NUL byte": (b'{"prompt": "a\0"}', r"NUL byte at byte 14"),
    "nesting": (b'{"prompt": ' + b"[" * 100_000, r"nested deeper than 100"),
    "control character": (b'{"prompt": "a\x01"}', r"invalid control character"),
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_a_bad_line_is_named_with_row_line_and_offset(tmp_path: Path, case: str) -> None:
    line, reason = BAD_LINES[case]
    faults = faults_of(tmp_path, GOOD + b"\n\n" + line + b"\n" + GOOD)
    (fault,) = faults
    assert (fault.row, fault.line, fault.offset) == (2, 3, len(GOOD) + 2)
    assert re.search(reason, fault.reason), fault.reason


@pytest.mark.parametrize(
    ("escape", "reason"),
    [("\\ud83d", "half of a surrogate pair"), ("\\udc00", "half of a"), ("\\u0000", "NUL")],
)
def test_an_escape_that_is_no_character_is_named_with_its_field(
    tmp_path: Path, escape: str, reason: str
) -> None:
    line = '{"messages": [{"role": "user", "content": "a' + escape + '"}]}'
    (fault,) = faults_of(tmp_path, line.encode())
    assert reason in fault.reason and fault.field == "messages[0].content"


def test_a_whole_surrogate_pair_is_one_character(tmp_path: Path) -> None:
    data = load(written(tmp_path, b'{"prompt": "\\ud83d\\ude00", "completion": "b"}'))
    assert data[0].prompt[0].content == "\N{GRINNING FACE}"


def test_brackets_in_text_are_not_nesting(tmp_path: Path) -> None:
    row = {"prompt": "[{" * 500 + '"\\', "completion": "b"}
    assert len(load(written(tmp_path, json.dumps(row).encode()))) == 1


def test_a_row_at_the_depth_limit_loads_and_one_deeper_does_not(tmp_path: Path) -> None:
    def row(depth: int) -> bytes:
        inner = b"[" * (depth - 1) + b"]" * (depth - 1)
        return b'{"prompt": "a", "completion": "b", "x": ' + inner + b"}"

    assert len(load(written(tmp_path, row(100)))) == 1
    assert "nested deeper" in faults_of(tmp_path, row(101))[0].reason


def test_every_bad_row_is_named_at_once(tmp_path: Path) -> None:
    body = b"\n".join([b'{"prompt": "a"}', b"{", GOOD, b'{"prompt": 1, "completion": "b"}', b"5"])
    with pytest.raises(DataError, match=r"4 of 5 rows cannot be used") as caught:
        load(written(tmp_path, body))
    assert [(f.row, f.field) for f in caught.value.faults] == [
        (1, "completion"),
        (2, None),
        (4, "prompt"),
        (5, None),
    ]


def test_of_very_many_bad_rows_a_thousand_are_kept_and_the_rest_counted(tmp_path: Path) -> None:
    body = b"{\n" * 700 + b'{"prompt": 1, "completion": "b"}\n' * 600
    with pytest.raises(DataError, match=r"1,300 of 1,300 rows .*300 more are not") as caught:
        load(written(tmp_path, body))
    assert [fault.row for fault in caught.value.faults] == list(range(1, 1001))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_a_utf_16_file_is_told_apart(tmp_path: Path, encoding: str) -> None:
    body = ("\ufeff" if encoding == "utf-16-be" else "") + GOOD.decode()
    for name in ("rows.jsonl", "rows.json", "rows.csv"):
        assert "UTF-16" in faults_of(tmp_path, body.encode(encoding), name)[0].reason


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.tsv", "rows.jsonl.gz"])
@pytest.mark.parametrize("body", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_a_file_without_rows_is_refused(tmp_path: Path, name: str, body: bytes) -> None:
    body = gzip.compress(body) if name.endswith("gz") else body
    with pytest.raises(DataError, match="has no rows"):
        load(written(tmp_path, body, name))


def test_an_array_named_jsonl_is_told_to_be_named_json(tmp_path: Path) -> None:
    for body in (b"[" + GOOD + b"]", b"\n[\n " + GOOD + b",\n" + GOOD + b"\n]\n"):
        (fault,) = faults_of(tmp_path, body)
        assert "name it .json" in fault.reason


def test_json_lines_named_json_are_told_to_be_named_jsonl(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, GOOD + b"\n" + GOOD, "rows.json")
    assert "name it .jsonl" in fault.reason


def test_an_array_gives_each_row_its_line_and_offset(tmp_path: Path) -> None:
    body = b'\xef\xbb\xbf[\n  {"prompt": "x, ]}",\n "completion": "b"},\n\n ' + GOOD + b" ]\n"
    data = load(written(tmp_path, body, "rows.json"))
    assert [(row.number, row.line) for row in data.rows] == [(1, 2), (2, 5)]
    assert data[0].prompt[0].content == "x, ]}"
    assert all(body[row.offset or 0 :].startswith(b'{"prompt"') for row in data.rows)


@pytest.mark.parametrize(
    ("body", "row", "line", "reason"),
    [
        (b"[%s, 5, %s]" % (GOOD, GOOD), 2, 1, "this is a number"),
        (b"[%s,\n{bad}\n,%s]" % (GOOD, GOOD), 2, 2, "invalid JSON at column 2"),
        (b"[%s,]" % GOOD, 2, 1, "a comma too many"),
        (b"[%s,,%s]" % (GOOD, GOOD), 2, 1, "a comma too many"),
        (b"[%s\n] x" % GOOD, 2, 2, "text after the end of the array"),
        (b"[%s, %s" % (GOOD, GOOD), 2, 1, "the file ends inside this row"),
        (b'[%s, {"prompt": "a' % GOOD, 2, 1, "the file ends inside this row"),
        (b"[%s}]" % GOOD, 2, 1, "closing brace too many"),
    ],
)
def test_a_bad_element_of_an_array_is_named_and_hides_no_other(
    tmp_path: Path, body: bytes, row: int, line: int, reason: str
) -> None:
    (fault,) = faults_of(tmp_path, body, "rows.json")
    assert (fault.row, fault.line) == (row, line) and reason in fault.reason


def test_csv_cells_are_verbatim_text_with_quotes_and_line_breaks(tmp_path: Path) -> None:
    body = 'id,prompt,completion\r\n7," a ""b""\r\nc ,d", é\r\n\r\n8,x,y'.encode()
    data = load(written(tmp_path, body, "rows.csv"))
    assert data[0].prompt[0].content == ' a "b"\r\nc ,d' and data[0].answer == " é"
    assert data[0].fields == {"id": "7"}
    assert [(row.number, row.line) for row in data.rows] == [(1, 2), (2, 5)]
    assert body[data.rows[1].offset or 0 :] == b"8,x,y"


def test_tab_separated_values_load(tmp_path: Path) -> None:
    data = load(written(tmp_path, b"prompt\tcompletion\na,b\tc\n", "rows.tsv"))
    assert data[0].prompt[0].content == "a,b"


def test_a_cell_of_a_million_characters_loads(tmp_path: Path) -> None:
    body = b"prompt,completion\na," + b"x" * 1_000_000
    assert len(load(written(tmp_path, body, "rows.csv"))[0].answer) == 1_000_000


@pytest.mark.parametrize(
    ("line", "reason", "field"),
    [
        (b"a", "1 cells, but the header has 2", None),
        (b"a,b,c", "3 cells, but the header has 2", None),
        (b"a,\xff", "invalid UTF-8", "completion"),
        (b"a,b\0", "NUL", "completion"),
        (b'a,"b"c', "invalid quoting", None),
    ],
)
def test_a_bad_row_of_a_csv_file_is_named(
    tmp_path: Path, line: bytes, reason: str, field: str | None
) -> None:
    (fault,) = faults_of(tmp_path, b"prompt,completion\nx,y\n" + line + b"\nx,y\n", "rows.csv")
    assert reason in fault.reason
    assert (fault.row, fault.line, fault.offset, fault.field) == (2, 3, 22, field)


def test_a_csv_quote_that_never_closes_is_named_where_it_opens(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, b'prompt,completion\nx,y\na,"b\nx,y\n', "rows.csv")
    assert (fault.row, fault.line) == (2, 3) and "invalid quoting" in fault.reason


def test_a_header_that_names_a_column_twice_is_refused(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, b"prompt,prompt\na,b\n", "rows.csv")
    assert "'prompt' twice" in fault.reason and fault.line == 1


def test_a_file_that_is_not_there_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    written(tmp_path, GOOD, "tickets.jsonl")
    with pytest.raises(NotFound, match=r"did you mean 'tickets\.jsonl'"):
        load(tmp_path / "tikets.jsonl")


def test_a_folder_and_an_unknown_ending_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.json").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        load(tmp_path / "rows.json")
    with pytest.raises(DataError, match=r"\.jsonl, \.json, \.csv, \.tsv"):
        load(written(tmp_path, GOOD, "rows.txt"))


_PIECES = st.sampled_from(
    [b'{"', b'"}', b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u", b"d8", b"\n", b"\r"]
    + [b"\0", b"\xff", b"\xef\xbb\xbf", b"NaN", b"1e999", b"-", b"9" * 30, b"messages", b"role"]
    + [
        b"prompt",
        b"completion",
        b"user",
        b"content",
        GOOD,
        GOOD + b"\n",
        b" ",
        b"null",
        b"\xff\xfe",
    ]
)
_BODIES = st.one_of(st.binary(max_size=200), st.lists(_PIECES, max_size=25).map(b"".join))
_NAMES = st.sampled_from(["rows.jsonl", "rows.json", "rows.csv", "rows.tsv", "rows.jsonl.gz"])
_QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def loads_or_raises_data_error(folder: Path, body: bytes, name: str) -> None:
    try:
        data = load(written(folder, body, name))
    except DataError as error:
        assert str(error)
    else:
        assert len(list(data)) == len(data) > 0


@settings(max_examples=300, deadline=None, suppress_health_check=_QUIET)
@given(body=_BODIES, name=_NAMES)
def test_arbitrary_bytes_load_or_raise_data_error(tmp_path: Path, body: bytes, name: str) -> None:
    loads_or_raises_data_error(tmp_path, body, name)


@pytest.mark.torture
@settings(max_examples=10_000, deadline=None, suppress_health_check=_QUIET)
@given(body=_BODIES, name=_NAMES)
def test_ten_thousand_arbitrary_bodies_load_or_raise_data_error(
    tmp_path: Path, body: bytes, name: str
) -> None:
    loads_or_raises_data_error(tmp_path, body, name)


_JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@settings(max_examples=100, deadline=None, suppress_health_check=_QUIET)
@given(rows=st.lists(st.tuples(_JSON_TEXT, _JSON_TEXT), min_size=1, max_size=8))
def test_any_text_survives_every_file_format(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    objects = [{"prompt": prompt, "completion": completion} for prompt, completion in rows]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in objects)
    array = json.dumps(objects, indent=1)
    quoted = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row] for row in rows]
    table = "prompt,completion\n" + "\n".join(",".join(cells) for cells in quoted)
    for name, text in (("r.jsonl", lines), ("r.json", array), ("r.csv", table)):
        data = load(written(tmp_path, text.encode(), name))
        assert [(e.prompt[0].content, e.answer) for e in data] == rows
