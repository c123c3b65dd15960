"""A stranger's texts that would act on a page, a page taken apart, and a browser that opens it from a server that counts.

The browser is skipped where none is installed; what it shows is judged by requests and by the page as it came to be.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium is installed")
HOSTILE = (
    "<script>document.title='owned'; fetch('http://127.0.0.1:{port}/script')</script>",
    '"><img src=http://127.0.0.1:{port}/pixel onerror="document.title=\'owned\'">',
    "'><svg onload=\"document.title='owned'\"><image href='http://127.0.0.1:{port}/svg'/></svg>",
    "</style><link rel=stylesheet href=http://127.0.0.1:{port}/css><iframe src=http://127.0.0.1:{port}/frame></iframe>",
    "</title></textarea></details><base href=http://127.0.0.1:{port}/><meta http-equiv=refresh content='0;url=/away'>",
    "{{ 7*7 }} {% raw %} ${7*7} {# gone #} &lt;b&gt; <!-- -->",
    "\x1b[31mred\x1b[0m \x00 \u202etxt.exe\u202c zero\u200bwidth \ud800 line\r\nend \u2028",
)


def texts_for(port: int) -> list[str]:
    """The texts, asking this port."""
    return [text.replace("{port}", str(port)) for text in HOSTILE]


class Page(HTMLParser):
    """Tags with their attributes, and the text outside <style>, of one page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.style = ""
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""
        if tag in ("td", "th"):
            self.text += " "

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self.style += data
        else:
            self.text += data


@contextmanager
def visited() -> Iterator[tuple[dict[str, str], list[str], int]]:
    """(pages by path, paths asked for, port) of a server on the loopback."""
    pages: dict[str, str] = {}
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = pages.get(self.path, "").encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Silent: the test reads `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield pages, asked, server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def opened(url: str, profile: Path) -> str:
    """The page as the browser has it after scripts had five seconds of virtual time."""
    assert BROWSER is not None
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-extensions", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--user-data-dir={profile}", "--virtual-time-budget=5000", "--dump-dom", url,
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout
