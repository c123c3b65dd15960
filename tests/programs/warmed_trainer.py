"""The trainer, for runs that begin warm: what takes long and is the same in each of them is done at import."""

from __future__ import annotations

import contextlib
import importlib
import runpy

if __name__ == "__main__":
    importlib.import_module(
        "tests.programs.warmed_trainer"
    )  # a warm process imports what a run did
    runpy.run_module("ftkit_local.trainer", run_name="__main__", alter_sys=True)
else:
    import torch

    from ftkit_local.sizing import matrix_rate

    matrix_rate(torch.device("cpu"))  # kept for the life of the process, and for its children
    with contextlib.suppress(ImportError):
        from transformers.conversion_mapping import get_checkpoint_conversion_mapping

        get_checkpoint_conversion_mapping("llama")  # a thousand regular expressions, kept as well
