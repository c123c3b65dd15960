"""The argument by which commands name a job."""

from __future__ import annotations

from typing import Annotated

import typer

Which = Annotated[str, typer.Argument(help="Name, id, or provider/id.", show_default=False)]
