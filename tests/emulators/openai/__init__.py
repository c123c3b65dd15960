"""An emulator of OpenAI's files, uploads, fine-tuning, models, chat, responses and batches: a judge of our backend.

`handle.py` starts and questions it, `app.py` lists its routes, `deviations.py` names where it leaves the contract.
It knows nothing of ftkit. What the public sources do not settle (texts, some codes) is said where it is written.
"""

from __future__ import annotations

from ..serving import ContractViolation, EmulatorError
from .handle import OpenAIEmulator

__all__ = ["ContractViolation", "EmulatorError", "OpenAIEmulator"]
