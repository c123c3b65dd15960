"""The server's own options: which projects and buckets there are."""

from __future__ import annotations

import json

from starlette.types import ASGIApp, Receive, Scope, Send

from ..serving.clock import Clock
from ..serving.command_line import begin, clock_setting, parser_of, serve
from .app import application
from .book import Book
from .contract import Contract
from .discovery import folder
from .records import Bucket

PROJECTS = {"acme-project": "418203957162", "other-project": "902716354810"}
BUCKETS = (
    Bucket("acme-bucket", "acme-project"),
    Bucket("acme-eu-bucket", "acme-project", location="EUROPE-WEST4"),
    Bucket("acme-closed-bucket", "acme-project", readable=False),
    Bucket("other-bucket", "other-project"),
)
API_KEY = "AIza-emulated-express-key"


def main() -> int:
    """Serve; the ready file then also says whether answers are `validated`."""
    parser = parser_of("tests.emulators.google")
    options = parser.parse_args()
    changes = json.loads(options.settings)
    try:
        book = Book(Clock(clock_setting(changes)), PROJECTS, BUCKETS, API_KEY)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    begin(book, changes, parser)
    place = None if options.no_contract else folder()
    contract = Contract(place) if place else None
    told = {"validated": contract is not None}
    serve(_knowing(book, application(book, contract)), options.ready_file, options.parent, told)
    return 0


def _knowing(book: Book, application: ASGIApp) -> ASGIApp:
    """The same application; the book learns its own address from the first request, which sessions need."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not book.url:
            host, port = scope["server"]
            book.url = f"http://{host}:{port}"
        await application(scope, receive, send)

    return app
