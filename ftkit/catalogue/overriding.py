"""Figures of a catalogue that a configuration sets: providers move their dates and prices before ftkit does.

A row is checked by the schema of the catalogue itself, and keeps which of its figures come from which file, so that a
quote or a refusal can say on what it rests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ftkit.catalogue.schema import Catalogue, ModelFacts, Rate, laid_over
from ftkit.errors import ConfigError
from ftkit.words import nearest

_TABLES: dict[str, type[ModelFacts | Rate]] = {"models": ModelFacts, "rates": Rate}
_OURS = "configured"


@dataclass(frozen=True, slots=True)
class Figure:
    """One value that a file sets: `path` is table, row, field and, inside a field, further keys."""

    path: tuple[str, ...]
    value: Any
    file: str


class Overrides:
    """What a configuration sets in the catalogue of `name`, a backend or an instance; later figures win."""

    def __init__(self, name: str, figures: Sequence[Figure]) -> None:
        self.name = name
        self.figures = tuple(figures)
        self.applied = False

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Until the block ends every catalogue that is loaded has them."""
        token = laid_over.set(self.over)
        try:
            yield
        finally:
            laid_over.reset(token)

    def over(self, catalogue: Catalogue) -> Catalogue:
        """The catalogue with these figures; raises ConfigError naming file and key of one that is not right."""
        self.applied = True
        tables: dict[str, dict[str, Any]] = {
            table: dict(getattr(catalogue, table)) for table in _TABLES
        }
        rows: dict[tuple[str, str], list[Figure]] = {}
        for figure in self.figures:
            table = figure.path[0]
            if table not in _TABLES:
                raise self._wrong(figure, f"there is no table {table!r}{nearest(table, _TABLES)}")
            if len(figure.path) < 3:
                raise self._wrong(figure, f"write [catalogue.{self.name}.{table}.NAME]")
            row = _row(catalogue, table, figure.path[1])
            rows.setdefault((table, row), []).append(figure)
        for (table, row), figures in rows.items():
            tables[table][row] = self._row(tables[table], table, row, figures)
        try:
            kept = {name: getattr(catalogue, name) for name in Catalogue.model_fields}
            return Catalogue.model_validate({**kept, **tables})
        except ValidationError as error:  # a rate that is named and is not there
            files = ", ".join(dict.fromkeys(figure.file for figure in self.figures))
            raise ConfigError(f"{files}: [catalogue.{self.name}]: {_said(error)}") from error

    def _row(
        self, known: dict[str, Any], table: str, row: str, figures: list[Figure]
    ) -> ModelFacts | Rate:
        kind = _TABLES[table]
        values = known[row].model_dump() if row in known else {}
        fields = {figure.path[2] for figure in figures}
        if row not in known and not {"source", "as_of"} <= fields:
            raise self._wrong(
                figures[0],
                f"the catalogue has no {row!r} among its {table}{nearest(row, known)}; a new row needs source and as_of",
            )
        configured = dict(values.get(_OURS, {}))
        for figure in figures:
            field = figure.path[2]
            if field not in kind.model_fields or field == _OURS:
                others = [name for name in kind.model_fields if name != _OURS]
                raise self._wrong(figure, f"there is no field {field!r}{nearest(field, others)}")
            _put(values, figure.path[2:], figure.value)
            configured[".".join(figure.path[2:])] = figure.file
        try:
            return kind.model_validate({**values, _OURS: configured})
        except ValidationError as error:
            place = tuple(str(part) for part in error.errors()[0]["loc"])
            raise self._wrong(_nearest_to(place, figures), _said(error)) from error

    def _wrong(self, figure: Figure, said: str) -> ConfigError:
        table, *rest = figure.path
        row, key = (rest[0] if rest else ""), ".".join(rest[1:])
        place = f"catalogue.{self.name}.{table}" + (f".{_quoted(row)}" if row else "")
        return ConfigError(f"{figure.file}: [{place}]{f' {key}' if key else ''}: {said}")


def _row(catalogue: Catalogue, table: str, name: str) -> str:
    """The row that a name means: of a model also by an alias or its dated name."""
    facts = catalogue.model(name) if table == "models" else None
    return next((row for row, one in catalogue.models.items() if one is facts), name)


def _put(values: dict[str, Any], path: Sequence[str], value: Any) -> None:
    *way, last = path
    for key in way:
        inner = values.get(key)
        values[key] = dict(inner) if isinstance(inner, dict) else {}
        values = values[key]
    values[last] = value


def _nearest_to(place: Sequence[str], figures: Sequence[Figure]) -> Figure:
    """The figure that an error of the schema is about: the one that shares the longest beginning with its place."""

    def shared(figure: Figure) -> int:
        pairs = zip(place, figure.path[2:], strict=False)
        return next((n for n, (a, b) in enumerate(pairs) if a != b), len(figure.path))

    return max(figures, key=shared)


def _said(error: ValidationError) -> str:
    return error.errors()[0]["msg"].removeprefix("Value error, ")


def _quoted(name: str) -> str:
    return f'"{name}"' if "." in name else name
