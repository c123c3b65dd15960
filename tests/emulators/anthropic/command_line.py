"""The server's own options: whose keys there are."""

from __future__ import annotations

import json

from ..serving.clock import Clock
from ..serving.command_line import begin, clock_setting, parser_of, serve
from .app import application
from .book import Book
from .records import Account

DEFAULT_ACCOUNT = "sk-ant-emulated=org-acme/wrkspc-main"


def main() -> int:
    """Serve; requests and answers are always judged, for the judge is a package."""
    parser = parser_of("tests.emulators.anthropic")
    parser.add_argument("--account", action="append", metavar="KEY=ORGANISATION/WORKSPACE")
    options = parser.parse_args()
    accounts = {}
    for entry in options.account or [DEFAULT_ACCOUNT]:
        key, _, owner = entry.partition("=")
        organisation, _, workspace = owner.partition("/")
        if not (key and organisation and workspace):
            parser.error("--account is written KEY=ORGANISATION/WORKSPACE")
        accounts[key] = Account(key, organisation, workspace)
    changes = json.loads(options.settings)
    try:
        book = Book(Clock(clock_setting(changes)), accounts)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    begin(book, changes, parser)
    serve(application(book), options.ready_file, options.parent, {"validated": True})
    return 0
