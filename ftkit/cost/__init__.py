"""Cost: the quote of a run, as an executable plan."""

from ftkit.cost.planning import chosen_model, model_renderer, plan
from ftkit.cost.quote import Quote, QuoteLine, priced

__all__ = ["Quote", "QuoteLine", "chosen_model", "model_renderer", "plan", "priced"]
