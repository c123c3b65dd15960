"""Every test of cost is shown to see: mistakes that cost somebody money, each caught. `make torture` prints who saw which."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants import Mutant, told

_EXAMPLES = "tests/test_worked_examples.py"
_TABLE = "tests/test_price_table.py"
_ORDER = "tests/test_price_table_order.py"
_TARIFFS = "tests/test_tariffs.py"
_GPU = "tests/test_gpu_tariff.py"
_MONTH = "tests/test_monthly_budget.py"

MUTANTS = (
    Mutant("rows are charged as they are where the provider fills them up",
           "ftkit/tariffs/tokens.py", "if billing is not None and not billing.packs and", "if billing is None and", (_EXAMPLES, _TARIFFS)),
    Mutant("epochs are left out",
           "ftkit/tariffs/tokens.py", "tokens * epochs / _MILLION", "tokens / _MILLION", (_EXAMPLES, _TARIFFS)),
    Mutant("validation rows are free",
           "ftkit/tariffs/tokens.py", "billing is not None and billing.charges_validation", "billing is None", (_TARIFFS,)),
    Mutant("preference pairs are charged as conversations",
           "ftkit/tariffs/tokens.py", 'Method.DPO: "train_dpo"', 'Method.DPO: "train"', (_TARIFFS,)),
    Mutant("the estimate of tokens is no more than what is expected",
           "ftkit/tariffs/tokens.py", "expected = quantity.amount *", "expected = 2 * quantity.amount *", (_TABLE,)),
    Mutant("the slowest run is quoted as the fastest",
           "ftkit/tariffs/gpu_time.py", "(most, runtime.worst_share)", "(most, runtime.best_share)", (_GPU, _TABLE)),
    Mutant("all weights of a mixture of experts are reckoned with",
           "ftkit/tariffs/gpu_time.py", "facts.active_parameters or facts.parameters or 0\n", "facts.parameters or 0\n", (_GPU,)),
    Mutant("starting a machine takes no time",
           "ftkit/tariffs/gpu_time.py", "        runtime.start_s\n", "        0.0\n", (_GPU,)),
    Mutant("the first card is taken, whether the run fits or not",
           "ftkit/tariffs/gpu_time.py", "if gpu.memory_gib >= needed and", "if", (_GPU,)),
    Mutant("a price that nobody knows is nothing",
           "ftkit/cost/quote.py", "        if usd is None:\n            return None\n", "        if usd is None:\n            continue\n", (_TARIFFS, _TABLE)),
    Mutant("the total leaves a line out",
           "ftkit/cost/quote.py", "return _sum(line.usd for line in self.lines)", "return _sum(line.usd for line in self.lines[:1])", (_EXAMPLES, _GPU)),
    Mutant("a deployment costs nothing where it is not asked",
           "ftkit/cost/monthly.py", 'if facts.serving == "dedicated" or "hosting" in facts.rates:', "if calls.per_month:", (_TABLE,)),
    Mutant("a deployment is there at all hours, whatever was said",
           "ftkit/cost/monthly.py", '"hosting", "hosting", hosting_hours)', '"hosting", "hosting", HOURS)', (_ORDER,)),
    Mutant("examples in a prompt are not read",
           "ftkit/cost/monthly.py", "return Calls(self.per_month, self.input_tokens + more,", "return Calls(self.per_month, self.input_tokens,", (_TABLE,)),
    Mutant("break-even leaves hosting out",
           "ftkit/cost/break_even.py", "saved = (other.monthly - one.monthly) +", "saved =", ("tests/test_break_even.py",)),
    Mutant("break-even is never never",
           "ftkit/cost/break_even.py", "months = -ahead / saved if saved > 0 else None", "months = -ahead / (abs(saved) or 1)", ("tests/test_break_even.py",)),
    Mutant("the cheapest training comes first",
           "ftkit/cost/price_table.py", "            totals[id(one)] = total = one.course.after(horizon_months, calls_per_month)", "            totals[id(one)] = total = one.course.once", (_TABLE,)),
    Mutant("what is priced only is called submittable",
           "ftkit/cost/price_table.py", "            if one.quote.not_submittable is None:", "            if one.quote:", (_TABLE,)),
    Mutant("a closed model is offered",
           "ftkit/cost/candidates.py", "    if gone is not None:\n        return PassedOver(model, gone", "    if gone is not None and not gone:\n        return PassedOver(model, gone", (_TABLE,)),
    Mutant("a base that ends soon is offered without a word",
           "ftkit/cost/candidates.py", "if facts.shutdown is not None and retires and not wish.allow_retiring:", "if facts.shutdown is None and retires:", (_TABLE,)),
    Mutant("the region is not looked at",
           "ftkit/cost/demands.py", "if region is not None and not _lies_in(facts.regions or (), region):", "if region is not None and not region:", (_TABLE,)),
    Mutant("a turn is told where nothing turns",
           "ftkit/cost/sensitivity.py", "one[0] <= FARTHEST and one[1] < grows", "one[0] <= FARTHEST and one[1] > grows", (_ORDER,)),
    Mutant("an old price is not marked",
           "ftkit/cost/price_table.py", "return self.today - as_of > timedelta(days=self.stale_after_days)", "return self.today < as_of", (_TABLE,)),
    Mutant("the budget is held against what is expected",
           "ftkit/submission/gates.py", "        plan.model,\n        plan.usd,\n", "        plan.model,\n        plan.usd_expected,\n", ("tests/test_budgets.py",)),
    Mutant("the month is not looked at before a job",
           "ftkit/submission/gates.py", "    month.before(plan.model, plan.usd if plan.paid else None)\n", "", (_MONTH,)),
    Mutant("a run by time is not told when to end",
           "ftkit/cost/quote.py", "return float(self.lines[0].quantity * usd / self.usd * 3600)", "return float(self.lines[0].quantity * 3600)", ("tests/test_own_machine_prices.py",)),
    Mutant("a right answer costs no more than any answer",
           "ftkit/cost/right_answers.py", "usd_a_call / Decimal(str(part)) if part > 0", "usd_a_call if part > 0", ("tests/test_right_answers.py",)),
)  # fmt: skip


@pytest.mark.torture
def test_every_mistake_is_seen(tmp_path: Path) -> None:
    seen = told(MUTANTS, tmp_path)
    assert [mistake for mistake, tests in seen.items() if not tests] == []
