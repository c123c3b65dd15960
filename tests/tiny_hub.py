"""A model hub on localhost that the real hub client talks to: one repository, read from a folder."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "c0ffee" + "0" * 34


@dataclass
class TinyHub:
    """Answers for `repository`; `error` (status, code of the hub) is answered to every request for it instead."""

    repository: str
    folder: Path
    error: tuple[int, str] | None = None
    url: str = ""
    sent: list[str] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[TinyHub]:
        """Serve on a free port until the block ends."""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub._answer(self, body=True)

            def do_HEAD(self) -> None:
                hub._answer(self, body=False)

            def log_message(self, format: str, *args: object) -> None:
                """Keep the test's output clean."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _answer(self, request: BaseHTTPRequestHandler, body: bool) -> None:
        path = request.path.partition("?")[0]
        names = sorted(file.name for file in self.folder.iterdir())
        headers: dict[str, str] = {}
        content = b""
        status = 200
        if self.error is not None:
            status, code = self.error
            headers["X-Error-Code"] = code
        elif path == f"/api/models/{self.repository}/revision/main":
            listing = [{"rfilename": name} for name in names]
            content = json.dumps(
                {"id": self.repository, "sha": COMMIT, "siblings": listing}
            ).encode()
        elif path.startswith(f"/api/models/{self.repository}/revision/"):
            status, headers["X-Error-Code"] = 404, "RevisionNotFound"
        elif path.startswith(f"/api/models/{self.repository}/tree/"):
            content = json.dumps(
                [
                    {
                        "type": "file",
                        "path": name,
                        "size": (self.folder / name).stat().st_size,
                        "oid": sha1((self.folder / name).read_bytes()).hexdigest(),
                    }
                    for name in names
                ]
            ).encode()
        elif path.startswith(f"/{self.repository}/resolve/") and path.split("/")[-1] in names:
            name = path.split("/")[-1]
            content = (self.folder / name).read_bytes()
            headers |= {"X-Repo-Commit": COMMIT, "ETag": f'"{sha1(content).hexdigest()}"'}
            if body:
                self.sent.append(name)
        else:
            status, headers["X-Error-Code"] = 404, "RepoNotFound"
        request.send_response(status)
        for key, value in headers.items():
            request.send_header(key, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if body:
            request.wfile.write(content)
