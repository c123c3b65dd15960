"""Models from a hub: the cache first, then the real client against a hub on localhost."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from ftkit.catalogue.schema import Catalogue, ModelFacts, PackagedFile
from ftkit.errors import NotFound, NotInstalled, StorageError
from ftkit_local import hub
from ftkit_local.bases import find_base
from tests.tiny import tiny_model_folder
from tests.tiny_hub import COMMIT, TinyHub

ALIAS = Catalogue(
    models={
        "tiny": ModelFacts(
            hub_id="org/name",
            packaged=PackagedFile(
                package="filelock", version="1", file="filelock/__init__.py", sha256="0" * 64
            ),
            source="a test",
            as_of=date(2026, 11, 24),
        )
    }
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_model_folder(tmp_path / "model")


def cache_model(model: Path, cache: Path, revision: str = "main") -> Path:
    """Lay a model folder into a hub cache as the client does."""
    repository = cache / "models--org--name"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / revision).write_text(COMMIT)
    (repository / "snapshots").mkdir()
    folder = repository / "snapshots" / COMMIT
    model.rename(folder)
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache of this test's own."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_cached_hub_model_is_pinned_by_its_commit(model: Path, cache: Path, home: Path) -> None:
    folder = cache_model(model, cache, "v2")
    base = find_base("org/name@v2", catalogue=Catalogue(), home=home)
    assert (base.id, base.snapshot, base.folder) == ("org/name@v2", COMMIT, folder)
    with pytest.raises(NotFound):
        find_base("org/name", catalogue=Catalogue(), home=home)


def test_an_alias_prefers_the_cached_hub_model(model: Path, cache: Path, home: Path) -> None:
    cache_model(model, cache)
    base = find_base("tiny", catalogue=ALIAS, home=home)
    assert (base.id, base.snapshot) == ("tiny", COMMIT)


def test_an_alias_asked_for_the_content_of_its_file_does_not_take_the_hubs(
    model: Path, cache: Path, home: Path
) -> None:
    """The adapter of a model that came from the file needs that file, though a hub copy has appeared since."""
    cache_model(model, cache)
    with pytest.raises(StorageError, match="expected"):
        find_base("tiny", catalogue=ALIAS, home=home, snapshot="sha256:" + "0" * 64)


def test_an_alias_asked_for_a_commit_does_not_take_the_packaged_file(
    cache: Path, home: Path
) -> None:
    with pytest.raises(NotInstalled, match=f"org/name@{COMMIT} is not in the local cache"):
        find_base("tiny", catalogue=ALIAS, home=home, snapshot=COMMIT)


def test_a_download_that_broke_off_is_not_taken_for_a_model(
    model: Path, cache: Path, home: Path
) -> None:
    (cache_model(model, cache) / "model.safetensors").unlink()
    assert hub.cached("org/name", None) is None


def ask_hub(running: TinyHub, home: Path, native: str) -> subprocess.CompletedProcess[str]:
    """find_base in a process of its own, whose hub is `running`; prints id, snapshot and folder, or the error."""
    program = (
        "import sys; from pathlib import Path\n"
        "from ftkit.catalogue.schema import Catalogue; from ftkit.errors import FtkitError\n"
        "from ftkit_local.bases import find_base\n"
        "try:\n"
        f"    base = find_base({native!r}, catalogue=Catalogue(), home=Path({str(home)!r}))\n"
        "    print(base.id, base.snapshot, base.folder)\n"
        "except FtkitError as error:\n"
        "    print(type(error).__name__, error)\n"
        "assert 'torch' not in sys.modules\n"
    )
    environment = {
        **os.environ,
        "HF_ENDPOINT": running.url,
        "HF_HOME": str(home / "hf"),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
    }
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )


def test_a_model_is_fetched_once_and_only_the_files_that_are_needed(
    model: Path, home: Path
) -> None:
    (model / "pytorch_model.bin").write_bytes(b"a pickle")
    (model / "readme.md").write_text("x")
    with TinyHub("org/name", model).running() as running:
        done = ask_hub(running, home, "org/name")
        assert done.stdout.split()[:2] == ["org/name", COMMIT], done
        assert sorted(set(running.sent)) == sorted(
            path.name for path in model.iterdir() if path.suffix not in (".bin", ".md")
        )
        before = len(running.sent)
        assert ask_hub(running, home, "org/name").stdout == done.stdout
        assert len(running.sent) == before
        missing = ask_hub(running, home, "org/name@v9").stdout
        assert missing.startswith("NotFound org/name has no revision 'v9'")


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (403, "GatedRepo", "AuthError org/name is gated: accept its terms"),
        (401, "RepoNotFound", "NotFound the hub has no model org/name; if it is private, log in"),
        (404, "RepoNotFound", "NotFound the hub has no model org/name"),
        (403, "", "AuthError the hub refused org/name (403)"),
        (500, "", "NotFound the hub did not give org/name (500)"),
    ],
)
def test_what_the_hub_refuses_comes_back_as_one_typed_error(
    model: Path, home: Path, status: int, code: str, says: str
) -> None:
    with TinyHub("org/name", model, error=(status, code)).running() as running:
        assert ask_hub(running, home, "org/name").stdout.startswith(says)
