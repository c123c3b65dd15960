"""Rows that no reader may take, by name, and rows that look odd and are legal. Imports nothing from the product.

Each bad row has the words by which a person knows what to mend.
"""

from __future__ import annotations

import json


def good(number: int) -> bytes:
    """A row whose bytes and characters differ in number, so that a place in the one is not one in the other."""
    turns = [
        {"role": "user", "content": f"Größe {number}? 日本 \N{GRINNING FACE}"},
        {"role": "assistant", "content": f'"{number}": ja'},
    ]
    return json.dumps({"messages": turns}, ensure_ascii=False).encode()


def said(inside: bytes, more: bytes = b"") -> bytes:
    """A chat row with these bytes inside the user's text, and behind the messages."""
    return (
        b'{"messages": [{"role": "user", "content": "a ' + inside + b' b"}, '
        b'{"role": "assistant", "content": "c"}]' + more + b"}"
    )


# The words are regular expressions. What is legal in itself and wrong only here is in `malformed_files`.
BAD: dict[str, tuple[bytes, str]] = {
    "NUL byte": (said(b"\0"), r"a NUL byte at byte 46 of the row"),
    "NUL as an escape": (said(b"\\u0000"), r"NUL character"),
    "Latin-1": (said("ü".encode("latin-1")), r"invalid UTF-8 at byte 46 of the row.*save the file as UTF-8"),
    "Windows-1252": (said("“".encode("cp1252")), r"invalid UTF-8 at byte 46"),
    "overlong UTF-8": (said(b"\xc0\xaf"), r"invalid UTF-8 at byte 46"),
    "cut UTF-8": (said("日".encode()[:2]), r"invalid UTF-8 at byte 46"),
    "half a surrogate pair, high": (said(b"\\ud83d"), r"half of a surrogate pair \(\\ud83d\)"),
    "half a surrogate pair, low": (said(b"\\ude00"), r"half of a surrogate pair \(\\ude00\)"),
    "surrogates the wrong way round": (said(b"\\ude00\\ud83d"), r"half of a surrogate pair"),
    "surrogate as bytes": (said(b"\xed\xa0\xbd"), r"invalid UTF-8 at byte 46"),
    "key twice": (said(b"", b', "id": 1, "id": 1'), r"the key 'id' appears twice"),
    "key twice inside": (said(b"", b', "x": [{"y": {"z": 1, "z": 2}}]'), r"the key 'z' appears twice"),
    "key twice, once as an escape": (said(b"", b', "id": 1, "\\u0069d": 2'), r"the key 'id' appears twice"),
    "key twice beside colons": (said(b"a: b:", b', "id" : 1, "id"\t: "::"'), r"the key 'id' appears twice"),
    "key twice hidden by an escaped colon": (said(b":\\u003a", b', "a": 1, "a": 2'), r"the key 'a' appears twice"),
    "key twice beside JSON in a text": (said(b'{\\"k\\": 1}', b', "k": 1, "k": 1'), r"the key 'k' appears twice"),
    "content twice": (
        b'{"messages": [{"role": "user", "content": "x", "content": "y"}]}',
        r"the key 'content' appears twice",
    ),
    "NaN": (said(b"", b', "x": NaN'), r"NaN is not JSON"),
    "Infinity": (said(b"", b', "x": [Infinity]'), r"Infinity is not JSON"),
    "minus Infinity": (said(b"", b', "x": -Infinity'), r"-Infinity is not JSON"),
    "1e400": (said(b"", b', "x": 1e400'), r"the number 1e400 is too large"),
    "integer of 5,000 digits": (said(b"", b', "x": ' + b"7" * 5_000), r"an integer of 5,000 digits"),
    "nesting of 100,000": (
        said(b"", b', "x": ' + b"[" * 100_000 + b"]" * 100_000),
        r"nested deeper than 100 levels",
    ),
    "nesting of 101": (said(b"", b', "x": ' + b"[" * 100 + b"]" * 100), r"nested deeper than 100 levels"),
    "trailing comma": (said(b"", b","), r"invalid JSON at column \d+"),
    "comma after the row": (said(b"") + b",", r"invalid JSON at column \d+: extra data"),
    "two rows in a line": (said(b"") + b" " + said(b""), r"invalid JSON at column \d+: extra data"),
    "cut row": (said(b"")[:-20], r"invalid JSON at column \d+"),
    "single quotes": (b"{'messages': []}", r"invalid JSON at column 2"),
    "unquoted key": (b"{messages: []}", r"invalid JSON at column 2"),
    "comment": (b"// a comment", r"invalid JSON at column 1"),
    "tab in a text": (said(b"\t"), r"invalid control character"),
    "leading zero": (said(b"", b', "x": 007'), r"invalid JSON at column \d+"),
    "plus sign": (said(b"", b', "x": +1'), r"invalid JSON at column \d+"),
    "unknown escape": (said(b"\\x41"), r"invalid JSON at column \d+"),
    "line separator between tokens": (said(b"", ', "x":\u2028 1'.encode()), r"invalid JSON at column \d+"),
    "byte order mark in the middle of the file": (
        b"\xef\xbb\xbf" + said(b""),
        r"a byte order mark inside the file, as where two files were joined",
    ),
    "a list": (b'["a", "b"]', r"a row must be a JSON object, this is a list"),
    "a list of messages": (b'[{"role": "user", "content": "x"}]', r"must be a JSON object, this is a list"),
    "text": (b'"messages"', r"a row must be a JSON object, this is text"),
    "null": (b"null", r"a row must be a JSON object, this is null"),
    "number": (b"-0.0", r"a row must be a JSON object, this is a number"),
    "content that is a number": (
        b'{"messages": [{"role": "user", "content": 5}]}',
        r"must be text, is a number",
    ),
    "content that is null": (
        b'{"messages": [{"role": "assistant", "content": null}]}',
        r"must be text, is null",
    ),
    "messages as text": (b'{"messages": "hello"}', r"must be a list of messages, is text"),
    "no messages": (b'{"messages": []}', r"must be a list of messages, is an empty list"),
    "unknown role": (
        b'{"messages": [{"role": "asistant", "content": "x"}]}',
        r"unknown role 'asistant'.*did you mean 'assistant'",
    ),
    "mixed schemas": (
        b'{"prompt": "x", "completion": "y"}',
        r"the field is missing",
    ),
}  # fmt: skip

# rows that a bracket or a quote keeps open: an array has no end then, only JSON Lines go on behind them
OPEN = frozenset({"cut row", "comment"})

LEGAL: dict[str, bytes] = {
    "U+2028 in a text": said("\u2028".encode()),
    "U+2029 in a text": said("\u2029".encode()),
    "U+0085 in a text": said("\x85".encode()),
    "a whole surrogate pair": said(b"\\ud83d\\ude00"),
    "vertical tab and form feed as escapes": said(b"\\u000b\\f"),
    "an escaped solidus": said(b"\\/"),
    "a byte order mark in a text": said("\ufeff".encode()),
    "delete and noncharacters": said("\x7f\ufffe\uffff".encode()),
    "brackets in a text": said(b"[{" * 5_000),
    "JSON in a text": said(b'{\\"a\\": {\\"a\\": 1}, \\"a\\" : \\":\\"}'),
    "colons in keys and texts": said(b"a: b::", b', "x:y": ":", "\\u003a": 1'),
    "an integer above 64 bits": said(b"", b', "x": [18446744073709551616, -9223372036854775809, 0.5]'),
    "floats and signs": said(b"", b', "x": [-0, -0.0, 1E5, 1e-400, 1.7976931348623157e308]'),
    "a carriage return between tokens": said(b"", b', "x":\r 1').replace(b'"c"', b'\r\r"c"'),
    "space around everything": b" \t{ " + said(b"")[1:].replace(b": ", b" \t: ") + b" \t ",
    "100 levels": said(b"", b', "x": ' + b"[" * 99 + b"]" * 99),
    "a row of 3 MB": said(b"x" * 3_000_000),
}  # fmt: skip
