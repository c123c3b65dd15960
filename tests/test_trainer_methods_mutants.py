"""Every test of a training method is shown to see: mistakes that train something else in silence, each caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants import Mutant, told

pytest.importorskip("torch", reason="needs the extra 'local'")
pytest.importorskip("bitsandbytes", reason="needs the extra 'qlora'")

_TRAINER = "backends/ftkit_local/trainer"
_PAIRS = "tests/test_local_preference.py"
_QLORA = "tests/test_local_qlora.py"
_CONTINUING = "tests/test_local_continuing.py"
_CHATML = "tests/test_local_chatml.py"
_BEST = "tests/test_local_early_stopping.py"

MUTANTS = (
    Mutant("the reference is left out",
           f"{_TRAINER}/preference.py", "gained = policy - reference.to(policy.device)", "gained = policy", (_PAIRS,)),
    Mutant("log-probabilities are a mean over the answer's tokens",
           f"{_TRAINER}/preference.py", "log_probs.sum() for", "log_probs.mean() for", (_PAIRS,)),
    Mutant("beta is left out",
           f"{_TRAINER}/preference.py", "margins = self._beta * (gained", "margins = (gained", (_PAIRS,)),
    Mutant("the worse answer is preferred",
           f"{_TRAINER}/preference.py", "(gained[:, 0] - gained[:, 1])", "(gained[:, 1] - gained[:, 0])", (_PAIRS,)),
    Mutant("answers of the prompt are learned as well",
           f"{_TRAINER}/pairs.py", 'rendered(example, renderer, "last")', 'rendered(example, renderer, "assistant")', (_PAIRS,)),
    Mutant("pairs of equal answers are trained",
           f"{_TRAINER}/pairs.py", "if better == worse:", "if better is worse:", (_PAIRS,)),
    Mutant("the quote counts one sequence of a pair",
           "backends/ftkit_local/pricing.py", "tuple(2 * max(pair) for pair in pairs)", "tuple(max(pair) for pair in pairs)", (_PAIRS,)),
    Mutant("4 bits are of another kind",
           f"{_TRAINER}/quantised.py", 'bnb_4bit_quant_type="nf4"', 'bnb_4bit_quant_type="fp4"', (_QLORA,)),
    Mutant("scales are not quantised a second time",
           f"{_TRAINER}/quantised.py", "bnb_4bit_use_double_quant=True", "bnb_4bit_use_double_quant=False", (_QLORA,)),
    Mutant("weights in 4 bits are packed anew by the first validation",
           f"{_TRAINER}/quantised.py", "layer.support_avx512bf16_for_cpu = False", "pass", (_QLORA,)),
    Mutant("the scales of a frozen weight are not looked at",
           f"{_TRAINER}/integrity.py", "in scales(parameter).items():", "in ():", (_QLORA,)),
    Mutant("an adapter that is gone on from is forgotten",
           f"{_TRAINER}/job.py", "    if spec.continues is not None:\n        take_over", "    if spec.continues is None:\n        take_over", (_CONTINUING,)),
    Mutant("another rank than the adapter's is taken without a word",
           "backends/ftkit_local/starting_point.py", "if name in wanted and wanted[name] != had.get(name):", "if False:", (_CONTINUING,)),
    Mutant("going on is the same work as beginning anew",
           "ftkit/submission/fingerprints.py", "            **continued,\n", "", (_CONTINUING,)),
    Mutant("a turn ends with a token that the model has no embedding for",
           "backends/ftkit_local/chatml.py", "and (embedded is None or special[end] < embedded)", "and special", (_CHATML,)),
    Mutant("a tuned model does not carry its template",
           f"{_TRAINER}/adapter.py", "    if attached is not None:\n", "    if attached is None:\n", (_CHATML,)),
    Mutant("the beginning of a text is left out",
           "backends/ftkit_local/chatml.py", '"{{ bos_token }}" if begins else ""', '""', (_CHATML,)),
    Mutant("the last weights are published, whatever the held-out rows say",
           f"{_TRAINER}/loop.py", "    best.restore(model)\n", "", (_BEST,)),
    Mutant("a validation that is worse counts as the best",
           f"{_TRAINER}/best.py", "loss < self.loss", "loss > self.loss", (_BEST,)),
    Mutant("patience is not renewed by a better validation",
           f"{_TRAINER}/best.py", "self.step, self.loss, self.waited = step, loss, 0", "self.step, self.loss = step, loss", (_BEST,)),
    Mutant("the weights are kept by name only, not copied",
           f"{_TRAINER}/best.py", 'value.detach().to("cpu", copy=True)', "value.detach()", (_BEST,)),
)  # fmt: skip


@pytest.mark.torture
def test_every_mistake_is_seen(tmp_path: Path) -> None:
    seen = told(MUTANTS, tmp_path)
    assert [mistake for mistake, tests in seen.items() if not tests] == []
