"""Rescue: what an account's tuning history holds, taken home while its provider still has it.

Who lives here: the whole of it (`rescuing`), one job (`taking`), the folder and its manifest (`folder`, `manifest`), the
page (`index`), the tuned models' answers (`answers`), patience with an outage (`outages`). At the provider it only reads.
"""

from ftkit.rescuing.answers import Questions
from ftkit.rescuing.rescuing import rescue
from ftkit.rescuing.result import Missing, Rescue

__all__ = ["Missing", "Questions", "Rescue", "rescue"]
