"""A page on its way into a file: over an old one, through a link, into a pipe, and onto a disk that is full."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ftkit.errors import StorageError
from ftkit.pages.html import write_page

PAGE = Path("page.html")


def test_a_page_replaces_an_older_one_and_a_link_to_it_stays() -> None:
    write_page("<p>old and longer</p>\n", PAGE)
    Path("link.html").symlink_to(PAGE)
    assert write_page("<p>größer</p>\r\n", Path("link.html")) == Path("link.html")
    assert PAGE.read_bytes() == "<p>größer</p>\r\n".encode() and Path("link.html").is_symlink()


def test_on_a_full_disk_the_old_page_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_page("<p>old</p>", PAGE)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="cannot write page.html: No space left on device"):
        write_page("<p>new</p>", PAGE)
    assert PAGE.read_text() == "<p>old</p>"
    assert [path.name for path in Path().iterdir() if path.is_file()] == ["page.html"]


def test_a_text_that_utf_8_cannot_write_leaves_the_old_page() -> None:
    write_page("<p>old</p>", PAGE)
    with pytest.raises(UnicodeEncodeError):
        write_page("<p>\ud800</p>", PAGE)
    assert PAGE.read_text() == "<p>old</p>"


def test_a_page_goes_into_a_pipe() -> None:
    code = (
        "from pathlib import Path; from ftkit.pages.html import write_page;"
        "write_page('<p>x</p>', Path('/dev/stdout'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "<p>x</p>"


def test_a_device_that_takes_nothing_is_a_storage_error() -> None:
    with pytest.raises(StorageError, match="cannot write /dev/full: No space left"):
        write_page("<p>x</p>", Path("/dev/full"))
