"""What a job at Google consists of: the tokens of the rows, once an epoch. Epochs are always named.

Which batches a Gemini is trained in Google keeps to itself, so that the number of steps is not known before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ftkit.backend import Base, Resolved
from ftkit.catalogue import Catalogue
from ftkit.data.tokens import Counts
from ftkit.errors import CapabilityError
from ftkit.hyperparameters import Hyperparameters, Method
from ftkit.tariffs.tokens import TokenTariff

if TYPE_CHECKING:
    from ftkit_google.client import Client

ADAPTER_SIZES = {1: "ONE", 2: "TWO", 4: "FOUR", 8: "EIGHT", 16: "SIXTEEN", 32: "THIRTY_TWO"}
_OPEN = ("learning_rate", "batch_size", "lora_rank")


class GooglePricing(TokenTariff):
    """Pricing of Google: the catalogue's, with what Google takes for a setting."""

    def __init__(self, catalogue: Catalogue, client: Client) -> None:
        super().__init__("google", catalogue)
        self._client = client

    def resolve(
        self, base: Base, method: Method, hyperparameters: Hyperparameters, counts: Counts
    ) -> Resolved:
        """Decide what can be; raises CapabilityError naming a field that cannot be honoured, or a region that cannot tune."""
        facts = self._row(base.id)
        location = self._client.location
        if facts.regions is not None and location not in facts.regions:
            raise CapabilityError(
                f"{base.id} cannot be tuned in the location {location!r}; it is tuned in {', '.join(facts.regions)}"
            )
        if hyperparameters.lora_rank is not None and method is Method.FULL:
            raise CapabilityError(
                "lora_rank has no meaning where all weights are trained: leave it out"
            )
        resolved = super().resolve(base, method, hyperparameters, counts)
        settings = resolved.hyperparameters
        if method is Method.FULL and settings.lora_rank is not None:
            settings = Hyperparameters(**{**settings.given(), "lora_rank": None})
        if (settings.epochs or 1) % 1:
            raise CapabilityError(f"google trains whole epochs: epochs = {settings.epochs:g}")
        if settings.lora_rank is not None and settings.lora_rank not in ADAPTER_SIZES:
            sizes = ", ".join(map(str, ADAPTER_SIZES))
            raise CapabilityError(
                f"lora_rank = {settings.lora_rank} is none of {sizes}, which google takes"
            )
        open_ones = [name for name in _OPEN if name in facts.hyperparameters]
        left = [one for one in open_ones if getattr(settings, one) is None]
        if method is Method.FULL:
            left = [one for one in left if one != "lora_rank"]
        notes = resolved.notes
        if facts.serving == "dedicated" and left:
            notes = (
                *notes,
                f"{', '.join(left)} {'is' if len(left) == 1 else 'are'} left to Google",
            )
        return replace(resolved, hyperparameters=settings, notes=notes)
