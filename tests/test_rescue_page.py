"""The page of a rescue and the names in its folder: nothing that a provider says can act on the reader's machine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

import ftkit
from ftkit.backend import FileRole, RemoteFile
from ftkit.errors import NotFound
from ftkit.rescuing.names import file_name
from tests.rescue_archive import METRICS, ROWS, Archive

BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
HOSTILE = (
    "<script>document.title='owned'; fetch('http://127.0.0.1:{port}/script')</script>",
    '"><img src=http://127.0.0.1:{port}/pixel onerror="document.title=\'owned\'">',
    "</style><link rel=stylesheet href=http://127.0.0.1:{port}/css><base href=http://127.0.0.1:{port}/>",
    "javascript:document.title='owned'",
    "{{ 7*7 }} {% raw %} &lt;b&gt; <!-- -->",
    "\x1b[31mred \u202etxt.exe\u202c zero\u200bwidth",
)
IDS = (
    "../../escape",
    "/etc/passwd",
    "..",
    ".hidden",
    "a/b",
    "a\\b",
    "CON",
    "x" * 400,
    "ft:a:b:c",
    "",
)
SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]*")


class Links(HTMLParser):
    """Tags and link targets of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.targets: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            if name in ("href", "src"):
                self.targets.append(value or "")


def only_its_own_tags(page: str) -> None:
    """The judge of a page: no tag that acts or loads, and a policy that would stop it."""
    assert Links(page).tags.isdisjoint({"script", "img", "iframe", "base", "link", "svg", "object"})
    assert "default-src 'none'" in page


def hostile(port: int = 9) -> Archive:
    """A history in which every text and every id is a stranger's."""
    past = Archive()
    for number, (text, id) in enumerate(zip(HOSTILE * 2, IDS, strict=False)):
        words = text.replace("{port}", str(port))
        past.add(id or "empty")
        told = past.jobs[id or "empty"]
        job = replace(
            told.job,
            model=f"{words} {number}",
            base=words,
            error=words,
            raw_status=words,
            created_at=words,
        )
        files = (
            RemoteFile(f"{id}{words}", FileRole.TRAINING),
            RemoteFile(words, FileRole.VALIDATION),
        )
        past.contents[files[0].id], past.contents[files[1].id] = ROWS, NotFound(words)
        past.jobs[job.id] = replace(told, job=job, files=files, hyperparameters={words: words})
    return past


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Path]:
    with hostile().open():
        ftkit.rescue("archive", tmp_path / "history")
    yield tmp_path / "history" / "index.html"


@given(st.text(max_size=200), st.text(max_size=200))
def test_an_id_becomes_one_harmless_name_of_its_own(one: str, other: str) -> None:
    assert SAFE.fullmatch(file_name(one)) and ".." not in file_name(one)
    assert len(file_name(one)) <= 110
    assert (file_name(one) == file_name(other)) == (one == other)


@pytest.mark.parametrize("id", IDS)
def test_no_path_no_device_and_no_hidden_name_comes_out_of_an_id(id: str) -> None:
    assert SAFE.fullmatch(file_name(id)) and "~" in file_name(id)


@pytest.mark.parametrize("id", ["ftjob-4pT_x9", "file-abc", "tuned-1.5"])
def test_a_harmless_id_is_its_own_name(id: str) -> None:
    assert file_name(id) == id


def test_nothing_is_written_outside_the_folder(page: Path, tmp_path: Path) -> None:
    beside = {path.name for path in tmp_path.iterdir()}
    assert beside == {"history", "home", "work"}
    assert {path.name for path in page.parent.iterdir()} == {
        ".lock",
        "files",
        "index.html",
        "index.json",
        "jobs",
        "manifest.jsonl",
    }


def test_the_page_has_no_tag_but_its_own(page: Path) -> None:
    only_its_own_tags(page.read_text(encoding="utf-8"))


def test_the_judge_sees_a_page_that_does_not_escape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftkit.pages.html.visible", Markup)
    with hostile().open():
        ftkit.rescue("archive", tmp_path / "history")
    page = (tmp_path / "history" / "index.html").read_text(encoding="utf-8")
    with pytest.raises(AssertionError):
        only_its_own_tags(page)


def test_every_link_leads_to_a_file_of_the_folder(page: Path) -> None:
    from urllib.parse import unquote

    for target in Links(page.read_text(encoding="utf-8")).targets:
        place = (page.parent / unquote(target)).resolve()
        assert place.is_file() and place.is_relative_to(page.parent.resolve()), target


def test_what_would_hide_or_turn_text_stands_there_as_its_code_point(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "U+202E" in text and "\u202e" not in text and "\x1b" not in text


def test_metrics_of_a_job_with_several_lie_beside_each_other(tmp_path: Path) -> None:
    past = Archive()
    past.add("job-1")
    told = past.jobs["job-1"]
    past.contents["more"] = METRICS + b"2,0.4\n"
    past.jobs["job-1"] = replace(told, files=(*told.files, RemoteFile("more", FileRole.METRICS)))
    with past.open():
        ftkit.rescue("archive", tmp_path / "history")
    folder = tmp_path / "history" / "jobs" / "job-1"
    assert (folder / "metrics.csv").read_bytes() == METRICS
    assert (folder / "metrics-2.csv").read_bytes() == past.contents["more"]


@pytest.mark.skipif(BROWSER is None, reason="no chromium is installed")
def test_a_browser_runs_nothing_of_it_and_asks_nobody(tmp_path: Path) -> None:
    asked: list[str] = []

    class Witness(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Witness)
    Thread(target=server.serve_forever, daemon=True).start()
    with hostile(server.server_port).open():
        ftkit.rescue("archive", tmp_path / "history")
    done = subprocess.run(
        [
            str(BROWSER),
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'browser'}",
            "--virtual-time-budget=2000",
            "--dump-dom",
            (tmp_path / "history" / "index.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    server.shutdown()
    server.server_close()
    assert "<title>Tuning history of archive|here|org-acme</title>" in done.stdout
    assert asked == []


def test_the_index_for_programs_is_json_with_a_version(page: Path) -> None:
    value = json.loads((page.parent / "index.json").read_text(encoding="utf-8"))
    assert value["schema_version"] == 1
    assert {one["reason"] for one in value["missing"]} == {
        text.replace("{port}", "9") for text in HOSTILE
    }
