"""What an answer costs by its usage: input that was read anew, read from a cache or written into one, and output."""

from __future__ import annotations

from decimal import Decimal

from ftkit.backend import CallRates, Usage
from ftkit.catalogue import Catalogue

_MILLION = 1_000_000


class CallPrices:
    """USD per million tokens of one model's answers; None where not known. `rates` None: nobody sends a bill."""

    def __init__(self, catalogue: Catalogue, rates: CallRates | None) -> None:
        self._free = rates is None
        if rates is None:
            return

        def usd(rate: str | None) -> Decimal | None:
            return None if rate is None else catalogue.rates[rate].usd

        self._input, self._output = usd(rates.input), usd(rates.output)
        self._cached = self._input if rates.cached is None else usd(rates.cached)
        self._write, self._long_write = usd(rates.cache_write), usd(rates.long_cache_write)
        self._longer: tuple[int, CallPrices] | None = None
        if rates.longer is not None:
            above, others = rates.longer
            self._longer = above, CallPrices(catalogue, others)

    @property
    def known(self) -> bool:
        """True where the prices of plain input and output are."""
        return self._free or (self._input is not None and self._output is not None)

    @property
    def free(self) -> bool:
        """True where an answer costs nothing."""
        return self._free or (self._input == 0 and self._output == 0)

    def cost(self, usage: Usage) -> Decimal | None:
        """USD of so many tokens; None where one of them has no known price."""
        if self._free:
            return Decimal(0)
        if not self.known:
            return None
        if self._longer is not None and usage.input_tokens > self._longer[0]:
            return self._longer[1].cost(usage)
        written, long = usage.cache_write_input_tokens, usage.long_cache_write_input_tokens
        total = Decimal(0)
        for price, tokens in (
            (self._input, usage.input_tokens - usage.cached_input_tokens - written),
            (self._cached, usage.cached_input_tokens),
            (self._write, written - long),
            (self._long_write, long),
            (self._output, usage.output_tokens),
        ):
            if price is None and tokens:
                return None
            total += (price or Decimal(0)) * tokens
        return total / _MILLION
