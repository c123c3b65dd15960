"""Asking a model that costs money: how patiently, how many questions at once, and what is sent again.

Who lives here: the patience of one question (`patient`), the pace of many (`pace`), and the verbs that every provider over
a network has in the same way (`answering`). Backends come in; nothing of a provider does.
"""

from ftkit.asking.answering import Answering, Asks, Pieces, Wire
from ftkit.asking.pace import Pace
from ftkit.asking.patient import Asking, Loading

__all__ = ["Answering", "Asking", "Asks", "Loading", "Pace", "Pieces", "Wire"]
