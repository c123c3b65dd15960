"""The server's own option: whose resource it is."""

from __future__ import annotations

import json

from ..openai.contract import Contract, contract_file
from ..serving.clock import Clock
from ..serving.command_line import begin, clock_setting, parser_of, serve
from .app import application
from .book import Book
from .differences import differ
from .records import Settings, Site


def main() -> int:
    """Serve; the ready file then also says whether the data plane's answers are `validated`."""
    parser = parser_of("tests.emulators.azure")
    parser.add_argument("--site", default="{}", help="as JSON, see records.Site")
    options = parser.parse_args()
    changes = json.loads(options.settings)
    try:
        book = Book(Clock(clock_setting(changes)), Site(**json.loads(options.site)), Settings())
    except (ValueError, TypeError, OSError) as error:
        parser.error(str(error))
    begin(book, changes, parser)
    path = None if options.no_contract else contract_file()
    contract = Contract(path, differ) if path else None
    app = application(book, contract, judging=not options.no_contract)
    serve(app, options.ready_file, options.parent, {"validated": contract is not None})
    return 0
