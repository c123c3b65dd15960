"""What a run starts from: a base, or the adapter of an earlier run on its base, which training then goes on from.

A tuned model is named as it is for answering: by the key of its run, or by its folder. Its base is found by the record in
that folder and must be the very one that the adapter was trained on, under the very template.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftkit.backend import Base
from ftkit.catalogue.schema import Catalogue
from ftkit.errors import CapabilityError, NotFound
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit_local.bases import LocalBase, find_base
from ftkit_local.runs import RunFolder
from ftkit_local.tuned_folder import NAME, read_record, verify_files

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_FIELDS = ("lora_rank", "lora_alpha", "target_modules")
_WEIGHTS = "adapter_model.safetensors"
_RUN_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class TunedAdapter:
    """An adapter to go on from: `id` as it is named, the SHA-256 of its weights, and what it was trained with and under."""

    id: str
    folder: Path
    sha256: str
    settings: Hyperparameters
    template: str | None


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """Where training starts; `adapter` is None at a plain base."""

    base: LocalBase
    adapter: TunedAdapter | None = None

    @property
    def named(self) -> Base:
        """As the contract has it."""
        base, adapter = self.base, self.adapter
        return Base(
            base.id,
            base.snapshot,
            base.family,
            base.max_length,
            continues=None if adapter is None else adapter.id,
            continues_sha256=None if adapter is None else adapter.sha256,
        )

    def settings(self, method: Method, given: Hyperparameters) -> Hyperparameters:
        """The given settings with those that the adapter decides; raises CapabilityError naming one that differs."""
        if self.adapter is None:
            return given
        if method is Method.FULL:
            raise CapabilityError(
                f"{self.adapter.id} is an adapter, and method full trains the whole base; go on with method lora, "
                f"qlora or dpo, or train {self.base.id}"
            )
        had, wanted = self.adapter.settings.given(), given.given()
        for name in ADAPTER_FIELDS:
            if name in wanted and wanted[name] != had.get(name):
                raise CapabilityError(
                    f"{name} {wanted[name]} differs from that of {self.adapter.id}, which is {had.get(name)}; leave it "
                    f"out to go on from that adapter, or train {self.base.id} anew"
                )
        return Hyperparameters(**{**{name: had[name] for name in ADAPTER_FIELDS}, **wanted})


def find_start(native: str, *, catalogue: Catalogue, home: Path) -> StartingPoint:
    """What `native` names: the key of a run that has a model, the folder of a tuned model, or a base.

    Raises what `find_base` raises, and CapabilityError for an adapter whose base or template is not what it was trained on.
    """
    folder = _tuned_folder(native, home)
    if folder is None:
        return StartingPoint(find_base(native, catalogue=catalogue, home=home))
    if not (folder / ADAPTER_CONFIG).is_file():  # fully tuned: a model folder like any other
        return StartingPoint(find_base(str(folder), catalogue=catalogue, home=home))
    id = native if _RUN_KEY.fullmatch(native) else str(folder)
    return _from_adapter(id, folder, catalogue, home)


def found_again(base: Base, *, catalogue: Catalogue, home: Path) -> StartingPoint:
    """The same starting point as when the run was planned; raises CapabilityError where its content is another."""
    if base.continues is not None:
        start = find_start(base.continues, catalogue=catalogue, home=home)
    else:
        found = find_base(base.id, catalogue=catalogue, home=home, snapshot=base.snapshot)
        start = StartingPoint(found)
    now = start.named
    for what, planned, is_now in (
        (base.id, base.snapshot, now.snapshot),
        (base.continues, base.continues_sha256, now.continues_sha256),
    ):
        if planned != is_now:
            raise CapabilityError(
                f"{what} here is {is_now}, the run was planned for {planned}; plan it again"
            )
    return start


def _tuned_folder(native: str, home: Path) -> Path | None:
    if _RUN_KEY.fullmatch(native):
        run = RunFolder(home / "runs" / native)
        if not run.exists():
            return None
        folder = run.published()
        if folder is None:
            raise NotFound(
                f"run {native} has no model to go on from: it is {run.state().raw_status}"
            )
        return folder.resolve()
    if not (native.startswith((".", "~")) or Path(native).is_absolute()):
        return None
    path = Path(native).expanduser().resolve()
    return path if (path / ADAPTER_CONFIG).is_file() and (path / NAME).is_file() else None


def _from_adapter(id: str, folder: Path, catalogue: Catalogue, home: Path) -> StartingPoint:
    verify_files(folder)
    record = read_record(folder)
    facts: Mapping[str, Any] = json.loads((folder / NAME).read_bytes())
    base = find_base(record.base, catalogue=catalogue, home=home, snapshot=record.snapshot or None)
    if base.snapshot != record.snapshot:
        raise CapabilityError(
            f"{id} was trained on {record.base} {record.snapshot}, but what is found under that name is "
            f"{base.snapshot}; get the former, or train anew on the latter"
        )
    settings = facts.get("hyperparameters", {})
    if any(name not in settings for name in ADAPTER_FIELDS):
        raise CapabilityError(
            f"{folder / NAME} does not say with what rank and targets the adapter was trained; train {base.id} anew"
        )
    known = Hyperparameters(**{name: settings[name] for name in ADAPTER_FIELDS})
    return StartingPoint(
        base, TunedAdapter(id, folder, facts["files"][_WEIGHTS], known, record.template)
    )
