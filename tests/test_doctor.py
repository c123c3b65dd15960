"""`ftkit doctor` on this machine: packages, backends, configuration, devices; nothing is made and nothing heavy imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import ftkit
from ftkit.types import Diagnosis
from tests.wheels import unpacked, wheel

KEY = "FTKIT_FAKE_API_KEY"
# the command, without the seconds that asking PyTorch takes
_QUICKLY = "import sys, ftkit_local.hardware as h; h.devices = list; from ftkit.cli import main; main(sys.argv[1:])"


@pytest.fixture(autouse=True)
def without_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftkit_local.hardware.devices", list)
    monkeypatch.delenv("FTKIT_NOW", raising=False)


def search_path(*first: Path | None) -> str:
    """PYTHONPATH with these folders before what is there already."""
    folders = [*map(str, filter(None, first)), os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(filter(None, folders))


def command(
    *arguments: str, path: Path | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """`ftkit ...` in a process that sees the packages in `path` too."""
    return subprocess.run(
        [sys.executable, "-c", _QUICKLY, *arguments],
        env={**os.environ, "PYTHONPATH": search_path(path), **more},
        capture_output=True,
        text=True,
        check=False,
    )


def metadata(site: Path, name: str, version: str, *lines: str) -> Path:
    """An installed distribution, as far as its metadata goes."""
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines]
    (info / "METADATA").write_text("\n".join(head) + "\n")
    return site


def said(found: Diagnosis) -> list[tuple[str, str]]:
    return [(remark.what, remark.todo) for remark in found.remarks]


# --- the whole ---


def test_on_a_fresh_machine_nothing_is_wrong_and_nothing_is_made(home: Path) -> None:
    before = sorted(home.parent.rglob("*"))
    found = ftkit.doctor()
    assert (found.ok, said(found), found.ledger.condition) == (True, [], "absent")
    assert not found.disk.exists and found.disk.writable
    assert "nothing is wrong" in str(found)
    assert sorted(home.parent.rglob("*")) == before


def test_the_core_process_imports_neither_torch_nor_an_sdk() -> None:
    code = (
        "import sys, ftkit; str(ftkit.doctor(offline=True));"
        "print([m for m in ('torch', 'transformers', 'openai', 'anthropic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_json_says_the_same_as_the_exit_code(tmp_path: Path) -> None:
    fine = command("doctor", "--json")
    value = json.loads(fine.stdout)
    assert (fine.returncode, value["schema_version"], value["ok"]) == (0, 1, True)
    assert value["installation"]["python"] == ".".join(map(str, sys.version_info[:3]))
    site = metadata(tmp_path / "site", "tenacity", "9.9")
    bad = command("doctor", "--json", path=site)
    assert (bad.returncode, json.loads(bad.stdout)["ok"]) == (1, False)


def test_a_clock_that_was_set_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTKIT_NOW", "2027-01-01T00:00:00Z")
    found = ftkit.doctor()
    assert found.ok and "FTKIT_NOW sets the clock to 2027-01-01" in found.notices[0].what


# --- packages ---


def test_a_package_that_is_too_old_is_a_problem_with_the_command_that_mends_it(
    tmp_path: Path,
) -> None:
    # pip asks the metadata of all installed packages, as this does; the first on the path counts
    done = command("doctor", path=metadata(tmp_path / "site", "rich", "13.9"))
    assert done.returncode == 1
    assert "rich 13.9 is installed, ftkit needs <15,>=14.2" in done.stdout
    assert "-> pip install 'rich<15,>=14.2'" in done.stdout


def test_extras_are_those_of_the_installed_metadata(tmp_path: Path) -> None:
    site = metadata(
        tmp_path / "site", "ftkit", "9.9", "Provides-Extra: acme", "Provides-Extra: half",
        "Requires-Dist: pydantic", "Requires-Dist: anvil>=2; extra == 'acme'",
        "Requires-Dist: rocket; extra == 'half'", "Requires-Dist: tool>=3; extra == 'half'",
        "Requires-Dist: elsewhere; sys_platform == 'plan9'",
    )  # fmt: skip
    metadata(site, "anvil", "3.1rc1+local")
    metadata(site, "tool", "2")
    # of two distributions with one name the first on the path counts: its entry points are none
    value = json.loads(command("doctor", "--json", path=site).stdout)
    groups = {group["extra"]: group for group in value["installation"]["groups"]}
    assert list(groups) == [None, "acme", "half"]
    assert groups["acme"]["packages"] == [
        {"name": "anvil", "needed": ">=2", "installed": "3.1rc1+local", "fits": True}
    ]
    assert groups["half"]["command"] == "pip install 'ftkit[half]'"
    assert [package["installed"] for package in groups["half"]["packages"]] == [None, "2"]
    levels = {remark["what"]: remark["level"] for remark in value["remarks"]}
    # an extra that is not whole is not in use, so its old package is no problem
    assert levels["tool 2 is installed, ftkit[half] needs >=3"] == "notice"


def test_a_package_that_ftkit_itself_needs_and_lacks_is_a_problem(tmp_path: Path) -> None:
    site = metadata(tmp_path / "site", "ftkit", "9.9", "Requires-Dist: anvil>=2")
    done = command("doctor", path=site)
    assert done.returncode == 1
    assert "ftkit needs anvil, which is not installed" in done.stdout


# --- providers ---


def test_stand_ins_for_tests_are_told_of_only_where_they_are_set_up() -> None:
    found = [one.instance for one in ftkit.doctor().providers]
    assert {"local", "openai"} <= set(found)
    assert not [name for name in found if name.startswith("fake")]


def test_a_key_is_a_problem_only_where_the_model_in_force_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FTKIT_MODEL", "fake/small")
    found = ftkit.doctor()
    what = f"the model in force, fake/small, needs fake, and {KEY} is not set"
    assert said(found) == [(what, f"export {KEY}")]
    assert found.costs.not_asked["fake"] == f"{KEY} is not set"
    monkeypatch.setenv("FTKIT_MODEL", "local/small")
    assert ftkit.doctor().ok


def test_a_missing_extra_is_a_problem_only_where_the_model_in_force_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ftkit_local.find_spec", lambda name: None)
    found = ftkit.doctor()
    (local,) = [one for one in found.providers if one.instance == "local"]
    assert found.ok and local.access == "not installed"
    assert "pip install 'ftkit[local]'" in local.trouble
    monkeypatch.setenv("FTKIT_MODEL", "local/small")
    (problem,) = ftkit.doctor().problems
    assert "needs local" in problem.what and "pip install 'ftkit[local]'" in problem.todo


@pytest.mark.parametrize(
    ("text", "model", "words"),
    [
        ("[providers.mine]\nbackend = 'locl'", "", "mine cannot be opened: there is no backend 'locl'"),
        ("[providers.mine]\nbackend = 'local'\nusd = 1", "", "mine cannot be opened: [providers]"),
        ("[profile", "", "the configuration cannot be read"),
        ("", "nobody/x", "names a provider that is not there"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_configuration_is_a_problem(
    text: str, model: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("ftkit.toml").write_text(text)
    monkeypatch.setenv("FTKIT_MODEL", model)
    found = ftkit.doctor()
    assert [words in problem.what for problem in found.problems] == [True]
    assert found.setup.files == (Path.cwd() / "ftkit.toml",)


def test_a_broken_package_is_one_line_and_hides_no_other(tmp_path: Path) -> None:
    site = tmp_path / "site"
    made = wheel(tmp_path, "ftkit_ruin", {"ruin": "ftkit_ruin:backend"}, sources=False)
    unpacked(made, site)
    (site / "ftkit_ruin.py").write_text("raise RuntimeError('fell over\\nat once')\n")
    unpacked(wheel(tmp_path, "ftkit_acme", {"acme": "ftkit_acme:backend"}, sources=True), site)
    done = command("doctor", "--json", path=site)
    value = json.loads(done.stdout)
    providers = {one["instance"]: one for one in value["providers"]}
    access = {name: one["access"] for name, one in providers.items()}
    assert access.pop("ruin") == "broken"
    assert {"acme", "local", "openai"} <= set(access) and set(access.values()) == {"ready"}
    assert providers["acme"]["package"] == "ftkit-acme 1.0"
    assert "RuntimeError: fell over at once" in value["remarks"][0]["what"]
    assert value["remarks"][0]["todo"].startswith("pip uninstall ftkit-ruin")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    used = command("chat", "ruin/x", "hello", path=site)
    assert (used.returncode, "Traceback" in used.stderr) == (2, False)
    assert "of the package ftkit-ruin cannot be imported" in used.stderr


def test_a_name_that_two_packages_claim_is_one_problem(tmp_path: Path) -> None:
    made = wheel(tmp_path, "ftkit_usurper", {"local": "ftkit_usurper:backend"}, sources=False)
    value = json.loads(command("doctor", "--json", path=unpacked(made, tmp_path / "site")).stdout)
    (problem,) = value["remarks"]
    assert "two packages bring a backend named 'local'" in problem["what"]
    assert "ftkit-usurper 1.0" in problem["what"] and problem["level"] == "problem"


# --- devices ---


def driver(folder: Path, lines: str) -> str:
    """A PATH on which `nvidia-smi` prints these lines."""
    folder.mkdir()
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{lines}\nEND\n")
    program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def asked(path: str, *packages: Path, code: str = "") -> dict[str, Any]:
    """The report of a process with this PATH and these packages, its devices included."""
    script = f"{code}\nimport ftkit, json; print(json.dumps(ftkit.doctor(offline=True).to_dict()))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PATH": path, "PYTHONPATH": search_path(*packages)},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_the_processor_is_a_device_of_this_machine() -> None:
    value = asked(os.environ["PATH"])
    last = value["machine"]["devices"][-1]
    assert last["name"].startswith("cpu") and last["memory_free"] > 0
    assert value["machine"]["cores"] >= 1


@pytest.mark.parametrize(
    ("torch", "words"),
    [
        ("cuda = None", "PyTorch 9.9 was built without CUDA"),
        ("cuda = '12.8'", "PyTorch 9.9 finds no GPU"),
    ],
)
def test_a_gpu_that_pytorch_cannot_use_is_a_notice_with_the_reason(
    torch: str, words: str, tmp_path: Path
) -> None:
    package = tmp_path / "site" / "torch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "class _None:\n    device_count = staticmethod(lambda: 0)\n    is_available = staticmethod(lambda: False)\n"
        f"class version:\n    hip = None\n    {torch}\n"
        "class backends:\n    mps = _None\n"
        "class device:\n    def __init__(self, type): self.type = type\n"
        "__version__ = '9.9'\ncuda = _None\nget_num_threads = lambda: 2\n"
    )
    path = driver(
        tmp_path / "bin", "NVIDIA H100 80GB HBM3, 81559, 81000\nNVIDIA GB10, [N/A], [N/A]"
    )
    value = asked(path, tmp_path / "site")
    devices = value["machine"]["devices"]
    assert [one["name"] for one in devices] == [
        "NVIDIA H100 80GB HBM3",
        "NVIDIA GB10",
        "cpu, 2 threads",
    ]
    assert [one["memory"] for one in devices[:2]] == [81559 * 2**20, None]
    assert words in devices[0]["trouble"] and devices[2]["trouble"] == ""
    assert value["ok"] is True


def test_a_gpu_is_seen_before_pytorch_is_installed(tmp_path: Path) -> None:
    code = "import ftkit_local.hardware as h; h.find_spec = lambda name: None"
    value = asked(driver(tmp_path / "bin", "NVIDIA A10, 23028, 22000"), code=code)
    (gpu,) = value["machine"]["devices"]
    assert "pip install 'ftkit[local]'" in gpu["trouble"]


@pytest.mark.parametrize(
    ("torch", "words"),
    [
        ("raise ImportError('libcudart.so.12: cannot open')", "libcudart.so.12: cannot open"),
        ("import os; os.abort()", "ended the process with code -6"),
    ],
)
def test_a_pytorch_that_is_installed_and_broken_is_a_problem(
    torch: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "site" / "torch").mkdir(parents=True)
    (tmp_path / "site" / "torch" / "__init__.py").write_text(torch)
    value = asked(os.environ["PATH"], tmp_path / "site")
    (problem,) = value["remarks"]
    assert problem["level"] == "problem" and words in problem["what"]
