"""Write docs/capabilities.md: what each backend can do, as the conformance suite has just seen it.

    python -m tests.capability_page

Some minutes; the tests that run the suite on a backend compare its column with the page.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.tiny import tiny_model_folder

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "capabilities.md"
SUITE = ("-p", "ftkit.testing.conformance", "--pyargs", "ftkit.testing.conformance")
# Each backend of the page, in its order, with the subject that it is judged as.
SUBJECTS: Mapping[str, str | None] = {
    "local": None,
    "openai": "tests.openai_subject:subject",
    "azure": "tests.azure_subject:subject",
    "google": "tests.google_subject:subject",
    "anthropic": "tests.anthropic_subject:subject",
}

Column = dict[tuple[str, str], tuple[str, str]]  # (part, name): (has it, why)


def judged(backend: str, folder: Path) -> Column:
    """What the suite makes of a backend; AssertionError with its output where it does not pass."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends")])
    table, subject, environment = folder / "table.md", SUBJECTS[backend], {"PYTHONPATH": path}
    if subject is None:
        environment["FTKIT_CONFORMANCE_BASE"] = str(tiny_model_folder(folder / "tiny"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider", *SUITE]
        + ["--ftkit-backend", backend, "--ftkit-table", str(table)]
        + ([] if subject is None else ["--ftkit-subject", subject]),
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    column = parsed(table.read_text(encoding="utf-8"))
    assert "FAILS" not in {has for has, _ in column.values()}
    return column


def is_as_told(backend: str, folder: Path) -> Column:
    """Judge a backend; AssertionError where the page says something else of it."""
    column = judged(backend, folder)
    page_says = told(backend, PAGE.read_text(encoding="utf-8"))
    assert page_says == as_told(column), "run `python -m tests.capability_page`"
    return column


def parsed(table: str) -> Column:
    """The rows of a table that the suite has written."""
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row] for row in rows[2:]]
    return {(part, name): (has, why) for part, name, has, why in cells}


def page(columns: Mapping[str, Column]) -> str:
    """The whole page."""
    lines = [
        "# What each backend can do",
        "",
        "Written by `python -m tests.capability_page` from runs of the [conformance suite](backends.md#is-it-one), on emulators",
        "of the providers and on this machine. `no` is declared by the backend and refused by name before anything is sent,",
        "with the reason that stands below; `not judged` has no test that could see it there.",
        "",
        f"| part | what | {' | '.join(columns)} |",
        f"|---|---|{'---|' * len(columns)}",
    ]
    for part, name in next(iter(columns.values())):
        cells = [column[part, name][0] for column in columns.values()]
        lines.append(f"| {part} | {name} | {' | '.join(cells)} |")
    for backend, column in columns.items():
        lines += ["", f"## {backend}", ""]
        lines += _reasons(column)
    return "\n".join(lines) + "\n"


def _reasons(column: Column) -> list[str]:
    """One line a reason, with all that it stands for."""
    whats: dict[str, list[str]] = {}
    for (_, name), (has, why) in column.items():
        if has == "no":
            whats.setdefault(why, []).append(name)
    return [f"- **{', '.join(names)}**: {why}" for why, names in whats.items()]


def told(backend: str, text: str) -> Column:
    """What a page says of one backend, reasons included."""
    table, _, rest = text.partition("\n## ")
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("|")]
    place = [cell.strip() for cell in rows[0]].index(backend)
    section = next(one for one in rest.split("\n## ") if one.partition("\n")[0] == backend)
    reasons = {
        name: why
        for line in section.splitlines()
        if line.startswith("- **")
        for names, _, why in [line.removeprefix("- **").partition("**: ")]
        for name in names.split(", ")
    }
    found: Column = {}
    for row in rows[2:]:
        part, name, has = row[0].strip(), row[1].strip(), row[place].strip()
        found[part, name] = (has, reasons[name] if has == "no" else "")
    return found


def as_told(column: Column) -> Column:
    """A column without what a page leaves out."""
    return {key: (has, why if has == "no" else "") for key, (has, why) in column.items()}


def main() -> int:
    """Judge every backend and write the page."""
    columns = {}
    for backend in SUBJECTS:
        with tempfile.TemporaryDirectory() as folder:
            columns[backend] = judged(backend, Path(folder))
        print(f"{backend} has passed", flush=True)
    PAGE.write_text(page(columns), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
