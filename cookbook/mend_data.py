"""Damaged rows are mended in a new file: look first, mend, see what the log says, and check again.

python cookbook/mend_data.py
"""

from __future__ import annotations

import json
from pathlib import Path

import ftkit


def main() -> None:
    """Write a file with damage of several kinds, and mend what is certain."""
    rows = [
        {"prompt": f"Where is parcel {n}? It went to KÃ¶ln.", "completion": "shipping "}
        for n in range(40)
    ]
    rows += [
        {"prompt": f"Refund order\u200b {n}, please", "completion": "refund"} for n in range(40)
    ]
    rows += [rows[0], {"prompt": "Is a &lt; b?", "completion": "other"}]
    source = Path("parcels.jsonl")
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")

    before = {finding.code for finding in ftkit.check(source).findings}
    print(ftkit.fix(source))  # writes nothing yet

    done = ftkit.fix(source, "parcels.mended.jsonl", drop_duplicates=True, force=True)
    assert done.path and done.log
    for line in done.log.read_text("utf-8").splitlines()[:2]:
        print(line)
    after = {finding.code for finding in ftkit.check(done.path).findings}
    print(f"no longer found: {', '.join(sorted(before - after))}")
    # entities may be meant, so they are left until they are named
    more = ftkit.fix(done.path, "parcels.plain.jsonl", only=["html_entities"], force=True)
    print(
        f"rows mended: {done.rows_changed}, dropped: {done.rows_dropped}, by choice: {more.rows_changed}"
    )


if __name__ == "__main__":
    main()
