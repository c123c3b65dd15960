"""How long the threads of a matrix product wait for one another by spinning.

GNU's OpenMP spins for long by default, so a second program on the same cores slows a model down up to tenfold (68 tokens/s
with sleeping threads and 41 with long spinning against 90 with this limit, two busy neighbours on two cores); asleep at
once they lose 18% on an idle machine, with this limit 2%. Read by the library when torch is first imported.
"""

from __future__ import annotations

from collections.abc import Mapping

_CHOSEN_BY_USER = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


def spinning_limit(environment: Mapping[str, str]) -> dict[str, str]:
    """The variable to add to an environment; empty where the user has decided."""
    if any(name in environment for name in _CHOSEN_BY_USER):
        return {}
    return {"GOMP_SPINCOUNT": "1000"}
