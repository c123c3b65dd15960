"""Records of local models are checked before anything is answered, and copies answer as their originals did."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra 'local'")

from ftkit.backend import ModelRecord
from ftkit.catalogue.schema import Catalogue
from ftkit.errors import CapabilityError, NotFound, StorageError
from ftkit_local.inference import LocalInference
from tests import local_models
from tests.adapters import with_record
from tests.local_models import asked
from tests.tiny import tiny_model_folder

base, local, tuned = local_models.base, local_models.local, local_models.tuned
nothing_in_memory = local_models.nothing_in_memory


# --- records -----------------------------------------------------------------------------------------------------


def test_a_base_has_a_record_that_pins_its_content_and_template(
    local: LocalInference, base: Path
) -> None:
    record = local.record(str(base))
    assert (record.tuned, record.adapter, record.family) == (False, None, "llama")
    assert record.snapshot.startswith("sha256:")
    assert record.template


def test_a_run_has_the_record_that_the_trainer_left(
    local: LocalInference, tuned: ModelRecord, home: Path
) -> None:
    assert tuned.adapter is not None
    run = home / "runs" / "ftk1"
    run.mkdir(parents=True)
    (run / "spec.json").write_text("{}", encoding="utf-8")
    with pytest.raises(NotFound, match="ftk1"):
        local.record("ftk1")

    Path(tuned.adapter).rename(run / "adapter")
    outcome = {"status": "succeeded", "raw_status": "succeeded", "error": None}
    (run / "result.json").write_text(
        json.dumps(outcome | {"published": "adapter"}), encoding="utf-8"
    )

    assert local.record("ftk1") == replace(tuned, adapter=str((run / "adapter").resolve()))


def test_another_content_under_the_base_s_name_is_refused_with_both(
    local: LocalInference, tuned: ModelRecord
) -> None:
    stale = replace(tuned, snapshot="sha256:0000")
    with pytest.raises(CapabilityError) as caught:
        local.chat(stale, asked("Hi"))
    assert "sha256:0000" in str(caught.value)
    assert tuned.snapshot in str(caught.value)


def test_a_model_that_was_trained_under_another_template_is_refused(
    local: LocalInference, tuned: ModelRecord
) -> None:
    with pytest.raises(CapabilityError, match="another chat template"):
        local.chat(replace(tuned, template="f" * 64), asked("Hi"))


def test_weights_that_are_gone_are_not_found(local: LocalInference, tuned: ModelRecord) -> None:
    with pytest.raises(NotFound, match="gone"):
        local.chat(replace(tuned, adapter=str(Path(str(tuned.adapter)) / "gone")), asked("Hi"))


def test_a_fully_tuned_model_answers_from_its_own_folder_without_its_base(
    local: LocalInference, base: Path, tmp_path: Path
) -> None:
    folder = tiny_model_folder(tmp_path / "full", seed=3)
    plain = local.record(str(base))
    with_record(folder, replace(plain, base="no/longer-there", tuned=True, method="full"))

    record = local.record(str(folder))

    as_base = LocalInference(tmp_path, Catalogue()).record(
        str(tiny_model_folder(tmp_path / "x", seed=3))
    )
    assert local.chat(record, asked("Hi")).text == local.chat(as_base, asked("Hi")).text
    assert local.chat(record, asked("Hi")).text != local.chat(plain, asked("Hi")).text


# --- copies ------------------------------------------------------------------------------------------------------


def test_a_copy_answers_the_same_when_the_original_is_gone_and_the_copy_has_moved(
    local: LocalInference, tuned: ModelRecord, tmp_path: Path
) -> None:
    expected = local.chat(tuned, asked("Hi")).text
    copied = local.install(tuned, tmp_path / "out" / "router.adapter")
    assert copied == replace(tuned, adapter=str(tmp_path / "out" / "router.adapter"))
    Path(str(tuned.adapter)).rename(tmp_path / "elsewhere")
    (tmp_path / "out").rename(tmp_path / "moved")

    record = local.record(str(tmp_path / "moved" / "router.adapter"))

    assert local.chat(record, asked("Hi")).text == expected
    assert [path.name for path in (tmp_path / "moved").iterdir()] == ["router.adapter"]


def test_a_changed_file_in_a_copy_is_refused_by_name(
    local: LocalInference, tuned: ModelRecord, tmp_path: Path
) -> None:
    copied = local.install(tuned, tmp_path / "copy")
    path = tmp_path / "copy" / "adapter_model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"adapter_model\.safetensors is damaged"):
        local.chat(copied, asked("Hi"))


def test_a_copy_replaces_an_older_copy_and_nothing_else(
    local: LocalInference, tuned: ModelRecord, base: Path, tmp_path: Path
) -> None:
    local.install(tuned, tmp_path / "copy")
    (tmp_path / "copy" / "old").write_text("old", encoding="utf-8")
    local.install(tuned, tmp_path / "copy")
    assert not (tmp_path / "copy" / "old").exists()

    (tmp_path / "mine").mkdir()
    with pytest.raises(StorageError, match="choose another place"):
        local.install(tuned, tmp_path / "mine")
    with pytest.raises(CapabilityError, match="its id finds it"):
        local.install(local.record(str(base)), tmp_path / "base-copy")
