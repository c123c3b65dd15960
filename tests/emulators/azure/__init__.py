"""An emulator of Azure's hosted fine-tuning: OpenAI's data plane with Azure's differences, ARM, and Entra's tokens.

`handle.py` starts and questions it, `app.py` lists its routes, `differences.py` is what Azure changes in the contract.
It knows nothing of ftkit. What no public source settles (texts, some codes) is said where it is written.
"""

from __future__ import annotations

from ..serving import ContractViolation, EmulatorError
from .handle import AzureEmulator

__all__ = ["AzureEmulator", "ContractViolation", "EmulatorError"]
