"""The server's own options: whose keys there are."""

from __future__ import annotations

import json

from ..serving.clock import Clock
from ..serving.command_line import begin, clock_setting, parser_of, serve
from .app import application
from .book import Book
from .contract import Contract, contract_file
from .records import Account, Settings

DEFAULT_ACCOUNT = "sk-emulated=org-acme/proj-main"


def main() -> int:
    """Serve; the ready file then also says whether answers are `validated`."""
    parser = parser_of("tests.emulators.openai")
    parser.add_argument("--account", action="append", metavar="KEY=ORGANISATION/PROJECT")
    options = parser.parse_args()
    accounts = {}
    for entry in options.account or [DEFAULT_ACCOUNT]:
        key, _, owner = entry.partition("=")
        organisation, _, project = owner.partition("/")
        if not (key and organisation and project):
            parser.error("--account is written KEY=ORGANISATION/PROJECT")
        accounts[key] = Account(key, organisation, project)
    changes = json.loads(options.settings)
    try:
        book = Book(Clock(clock_setting(changes)), accounts, Settings())
    except (ValueError, OSError) as error:
        parser.error(str(error))
    begin(book, changes, parser)
    path = None if options.no_contract else contract_file()
    contract = Contract(path) if path else None
    app = application(book, contract)
    serve(app, options.ready_file, options.parent, {"validated": contract is not None})
    return 0
