"""An emulator of Google's tuning, tuned models and Cloud Storage: a judge of our backend.

`handle.py` starts and questions it, `app.py` lists its routes, `deviations.py` names where it leaves the discovery
documents. It knows nothing of ftkit. Each location has a base URL of its own, as each has a host of its own at Google.
"""

from __future__ import annotations

from ..serving import ContractViolation, EmulatorError
from .handle import GoogleEmulator

__all__ = ["ContractViolation", "EmulatorError", "GoogleEmulator"]
