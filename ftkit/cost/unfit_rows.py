"""Rows of a kind that a backend or a model cannot train, and rows that do not fit the method; looked at once for all models."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from ftkit.backend import Backend, Base
from ftkit.catalogue import ModelFacts
from ftkit.data import KINDS, Dataset
from ftkit.errors import CapabilityError, DataError, Fault
from ftkit.hyperparameters import Method

_UNFIT = {
    True: "it has one answer; preference tuning needs a better and a worse one (format 'preference')",
    False: "it is a preference pair; pass method='dpo', which learns from pairs",
}
_Place = tuple[int, int | None]  # 1-based row and line


@dataclass(slots=True)
class _Kinds:
    """Where the rows of each kind are: the first of it, the images all, and which rows are pairs."""

    first: dict[str, int] = field(default_factory=dict)
    images: list[_Place] = field(default_factory=list)
    pairs: list[_Place] = field(default_factory=list)
    singles: list[_Place] = field(default_factory=list)


_kept: OrderedDict[str, tuple[Dataset, _Kinds]] = OrderedDict()  # by the hash of the data
_lock = Lock()
_SETS_KEPT = 4


def refuse_rows(data: Dataset, method: Method, backend: Backend, model: str, base: Base) -> None:
    """Raise CapabilityError for rows of a kind that backend or model cannot train, DataError for rows that do not fit."""
    found = _kinds(data)
    facts = backend.catalogue.model(base.id)
    for who, missing in (
        (backend.name, backend.lacks),
        (model, {} if facts is None else facts.lacks),
    ):
        for kind, row in found.first.items():
            if kind in missing:
                raise CapabilityError(
                    f"{data.source}, row {row}: {who} cannot train {kind.replace('_', ' ')}: {missing[kind]}"
                )
    _refuse_images(data, facts, model, found.images)
    preference = method is Method.DPO
    unfit = found.singles if preference else found.pairs
    if unfit:
        faults = [Fault(_UNFIT[preference], row=row, line=line) for row, line in unfit]
        raise DataError(f"{data.source}: {len(unfit)} rows do not fit the method {method}", faults)


def _refuse_images(
    data: Dataset, facts: ModelFacts | None, model: str, pictured: list[_Place]
) -> None:
    """Raise DataError at the first row with images that is one too many."""
    most = None if facts is None or facts.images is None else facts.images.max_rows
    if most is not None and len(pictured) > most:
        row, line = pictured[most]
        reason = (
            f"is row {most + 1:,} with images; leave rows with images out, or train in two jobs"
        )
        raise DataError(
            f"{data.source}: {model} takes at most {most:,} rows with images",
            [Fault(reason, row=row, line=line)],
        )


def _kinds(data: Dataset) -> _Kinds:
    with _lock:
        held = _kept.get(data.sha256)
    # equal rows of another file have other numbers
    if held is not None and held[0].store is data.store and held[0].picks == data.picks:
        return held[1]
    found = _Kinds()
    for row, example in zip(data.rows, data, strict=True):
        place = (row.number, row.line)
        for kind, belongs in KINDS.items():
            if belongs(example):
                found.first.setdefault(kind, row.number)
                if kind == "image_rows":
                    found.images.append(place)
        (found.pairs if example.rejected else found.singles).append(place)
    with _lock:
        _kept[data.sha256] = (data, found)
        while len(_kept) > _SETS_KEPT:
            _kept.popitem(last=False)
    return found
