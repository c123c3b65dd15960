"""Pages that ask nobody for anything: no script, no font, no picture from elsewhere.

The template escapes every value, the frame's strict content policy stands behind it, and characters that would steer or
hide text are shown as their code points.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from ftkit.errors import StorageError
from ftkit.pages.visible_text import code_point, name, pieces
from ftkit.whole_files import whole_files

LONG = 280  # characters; a longer text is folded
LONGEST = 20_000  # characters of one text on a page


def page(template: str, filters: dict[str, Callable[..., Any]] | None = None, **values: Any) -> str:
    """A page from a template named by package and file, as in "ftkit.pages/page.html.j2"; equal values, equal bytes."""
    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        visible=visible, minus=_minus, sentence=_sentence, grouped=_grouped, **filters or {}
    )
    environment.globals.update(LONG=LONG, LONGEST=LONGEST)
    return environment.get_template(template).render(**values)


def write_page(text: str, path: Path) -> Path:
    """Write a page, whole or not at all, over one that is there, and return its path; raises StorageError."""
    data = text.encode("utf-8")
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # /dev/stdout may be a pipe
            path.write_bytes(data)
            return path
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error
    with whole_files([path], force=True) as (file,):
        file.write(data)
    return path


def visible(text: str) -> Markup:
    """Escaped text in which control, bidi and zero-width characters stand as their code points."""
    return Markup().join(
        Markup('<span class="hidden-character" title="{}">{}</span>').format(
            name(run), code_point(run)
        )
        if hidden
        else escape(run)
        for run, hidden in pieces(text)
    )


def _source(template: str) -> str:
    package, _, file = template.rpartition("/")
    return resources.files(package).joinpath(file).read_text(encoding="utf-8")


def _minus(text: str) -> str:
    """Figures with a typographic minus."""
    return text.replace("-", "\N{MINUS SIGN}")


def _sentence(text: str) -> str:
    """The text with a capital first letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."


def _grouped(number: int) -> str:
    """1,234."""
    return f"{number:,}"
