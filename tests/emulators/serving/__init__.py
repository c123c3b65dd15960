"""What all emulators of providers are made of; each one adds its rooms, its errors and its judge of the contract.

`handle.py` runs one in a process of its own, `endpoint.py` is the way of a request, `book.py` what is kept and counted.
Nothing here or in an emulator imports ftkit: they are its judges.
"""

from __future__ import annotations

from .handle import ContractViolation, Emulator, EmulatorError

__all__ = ["ContractViolation", "Emulator", "EmulatorError"]
