"""An emulator of Anthropic's messages, token counts, models and message batches: a judge of our backend.

`handle.py` starts and questions it, `app.py` lists its routes, `deviations.py` names where the SDK's types do not judge.
It knows nothing of ftkit. What the public sources do not settle (texts, some rules) is said where it is written.
"""

from __future__ import annotations

from ..serving import ContractViolation, EmulatorError
from .handle import AnthropicEmulator

__all__ = ["AnthropicEmulator", "ContractViolation", "EmulatorError"]
