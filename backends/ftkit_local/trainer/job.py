"""One run from its spec to its published weights, in order."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ftkit import clock
from ftkit.backend import JobStatus
from ftkit.data.tokens import Renderer
from ftkit.errors import CapabilityError
from ftkit.hyperparameters import Method
from ftkit_local.allocator import allocator_in_use
from ftkit_local.device import device_words
from ftkit_local.durable import discard_folder, new_folder_beside, publish_folder
from ftkit_local.matrix_products import library_name
from ftkit_local.open_renderer import LocalRenderer, open_renderer
from ftkit_local.precision import usual_precision
from ftkit_local.runs import RunFolder
from ftkit_local.sizing import Load, forecast, recomputes, shape_of, token_budget
from ftkit_local.trainer.adapter import (
    add_adapter,
    load_base,
    save_adapter,
    save_attached_template,
    save_model,
    write_facts,
)
from ftkit_local.trainer.checkpoint import Checkpoints
from ftkit_local.trainer.continuing import take_over
from ftkit_local.trainer.gradients import Row, Work
from ftkit_local.trainer.integrity import checksums, require_frozen, require_moved
from ftkit_local.trainer.interrupts import Interrupts
from ftkit_local.trainer.journal import Journal
from ftkit_local.trainer.loop import Trained, train
from ftkit_local.trainer.lora_layers import hold_in_bf16, use_own_layers
from ftkit_local.trainer.methods import made_ready, objective_of, rows_in
from ftkit_local.trainer.recomputing import recompute_activations
from ftkit_local.trainer.spec import Spec, versions


def run_job(
    spec: Spec, run: RunFolder, journal: Journal, interrupts: Interrupts, device: Any
) -> None:
    """Train and publish; ends with the event "finished" and result.json, or raises."""
    began = clock.monotonic()
    settings = spec.hyperparameters
    folder = "model" if spec.method is Method.FULL else "adapter"
    for leftover in (run.path / folder, *run.path.glob(f".{folder}.*")):
        discard_folder(leftover)  # of an attempt that was killed before it had a result
    renderer = open_renderer(spec.base.folder, spec.continues.folder if spec.continues else None)
    rows = rows_in(spec, spec.train, renderer)
    validation = rows_in(spec, spec.validation, renderer)
    interrupts.check()
    work, plan = _plan(spec, rows, renderer.pad_id, device)
    _make_repeatable(settings.seed or 0)
    precision = settings.precision or usual_precision(spec.method, device)
    model = load_base(spec.base.folder, device, spec.method, precision)
    if spec.method is not Method.FULL:
        model = add_adapter(model, settings, spec.base.id)
        use_own_layers(model)
    if precision == "bf16" and device.type == "cpu":
        hold_in_bf16(model)
    if spec.continues is not None:
        take_over(model, spec.continues)
    if plan["recomputed_activations"]:
        recompute_activations(model)
    trainable = sum(value.numel() for value in model.parameters() if value.requires_grad)
    journal.write(
        "plan",
        f"{spec.steps} steps over {len({row.number for row in rows})} rows; "
        f"{trainable:,} of {spec.base.parameters:,} parameters are trained",
        trainable_parameters=trainable,
        parameters=spec.base.parameters,
        **plan,
    )
    frozen = checksums(model, trainable=False)
    started_from = checksums(model, trainable=True)
    checkpoints = Checkpoints(run.path, _made_of(spec, renderer), spec.checkpoint_steps)
    goes_on = checkpoints.latest()
    if journal.continued:
        step = 0 if goes_on is None else goes_on.progress.step
        journal.write(
            "resumed",
            f"the trainer had died; training goes on behind step {step}",
            step=step,
            steps=spec.steps,
        )
    if goes_on is not None:  # the same micro-batches give the same bits
        work = replace(work, token_budget=goes_on.progress.token_budget)
    rows = made_ready(spec, model, rows, work, interrupts.check)
    validation = made_ready(spec, model, validation, work, interrupts.check)
    if work.stop_after_s is not None:  # what came before the first step is paid for too
        left = work.stop_after_s - (clock.monotonic() - began)
        work = replace(work, stop_after_s=max(0.0, left))
    trained = train(
        model,
        rows,
        validation,
        work,
        journal.write,
        interrupts.check,
        checkpoints=checkpoints,
        goes_on=goes_on,
    )
    require_frozen(model, frozen)
    require_moved(model, started_from)
    interrupts.check()
    _publish(spec, run, model, renderer, work, trained, folder, interrupts)
    done = trained.progress
    ending = f" ({trained.stopped_early})" if trained.stopped_early else ""
    if done.best_step is not None:
        ending += f"; published are the weights behind step {done.best_step}, the best on the held-out rows"
    summary = {
        "steps": done.step,
        "first_loss": done.first_loss,
        "last_loss": done.last_loss,
        "validation_loss": done.best_loss,
        "best_step": done.best_step,
        "tokens": done.tokens,
        "trained_tokens": done.trained_tokens,
        "seconds": round(done.seconds, 3),
        "stopped_early": trained.stopped_early,
    }
    journal.write(
        "finished",
        f"finished after {done.step} steps, loss {done.first_loss:.4f} -> {done.last_loss:.4f}{ending}",
        **summary,
    )
    run.finish(JobStatus.SUCCEEDED, raw_status="finished", published=folder, summary=summary)
    with suppress(OSError):  # the run has its result, whatever is left beside it
        checkpoints.clear()


def _made_of(spec: Spec, renderer: Renderer) -> dict[str, Any]:
    """What a checkpoint must have been made with to be gone on from."""
    return {
        "base": spec.base.snapshot,
        "adapter": None if spec.continues is None else spec.continues.sha256,
        "template": renderer.fingerprint,
        "training rows": spec.train.sha256,
        "validation rows": None if spec.validation is None else spec.validation.sha256,
        "method": str(spec.method),
        "steps": spec.steps,
        **{
            f"hyperparameter {name}": value
            for name, value in spec.hyperparameters.model_dump(
                mode="json", exclude_none=True
            ).items()
        },
    }


def _plan(spec: Spec, rows: Sequence[Row], pad_id: int, device: Any) -> tuple[Work, dict[str, Any]]:
    """The work and the numbers of the "plan" event; raises CapabilityError where memory will not do."""
    settings = spec.hyperparameters
    config = json.loads((spec.base.folder / "config.json").read_bytes())
    lengths = tuple(row.length for row in rows)
    load = Load(
        shape=shape_of(config, spec.base.parameters),
        method=spec.method,
        hyperparameters=settings,
        lengths=lengths,
        trained_tokens=sum(row.trained for row in rows),
        steps=spec.steps,
        keeps_best=spec.validation is not None,
    )
    budget = token_budget(load, device)
    expected = forecast(load, device, budget)
    if not expected.fits:
        raise CapabilityError(
            f"the run needs {expected.memory_needed / 2**30:.1f} GiB and "
            f"{expected.memory_free / 2**30:.1f} GiB are free on {expected.device}; "
            + "; ".join(expected.remedies)
        )
    work = Work(settings, spec.steps, budget, pad_id, device, objective_of(spec), spec.stop_after_s)
    return work, {
        "rows": len({row.number for row in rows}),
        "sequences": len(rows),
        "tokens": sum(row.tokens for row in rows),
        "trained_tokens": load.trained_tokens,
        "steps": spec.steps,
        "device": expected.device,
        "memory_needed": expected.memory_needed,
        "memory_free": expected.memory_free,
        "seconds": round(expected.seconds, 1),
        "micro_batch_tokens": budget,
        "recomputed_activations": recomputes(load, device, budget),
        "allocator": allocator_in_use(os.environ),
        "own_products_by": library_name(device),
    }


def _make_repeatable(seed: int) -> None:
    """The same seed gives the same bits, inside one set of versions and threads."""
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # costs time, decides nothing


def _publish(
    spec: Spec,
    run: RunFolder,
    model: Any,
    renderer: LocalRenderer,
    work: Work,
    trained: Trained,
    name: str,
    interrupts: Interrupts,
) -> None:
    """Write the weights and ftkit.json under a hidden name, and rename when all of it is on disk."""
    import torch

    done = trained.progress
    final = run.path / name
    hidden = new_folder_beside(final)
    try:
        if spec.method is Method.FULL:
            save_model(model, hidden, spec.base.folder)
        else:
            save_adapter(model, hidden)
        attached = save_attached_template(renderer, hidden)
        record = {
            "instance": "local",
            "job": spec.key,
            **spec.record,
            "native": spec.key,
            "base": spec.base.id,
            "tuned": True,
            "adapter": ".",
            "template": renderer.fingerprint,
            "family": spec.base.family,
            "snapshot": spec.base.snapshot,
            "method": str(spec.method),
            "continues": None if spec.continues is None else spec.continues.id,
        }
        facts = {
            "record": record,
            "earlier_turns": renderer.earlier_turns,
            "continues": None
            if spec.continues is None
            else spec.continues.model_dump(exclude={"folder"}),
            "chat_template": "attached by ftkit" if attached else "the base's own",
            "hyperparameters": spec.hyperparameters.given(),
            "steps": done.step,
            "best_step": done.best_step,
            "losses": {
                "first": done.first_loss,
                "last": done.last_loss,
                "validation": done.best_loss,
            },
            "trained_tokens": done.trained_tokens,
            "stopped_early": trained.stopped_early,
            "seed": spec.hyperparameters.seed,
            "versions": versions(),
            "repeatable_with": {
                "device": device_words(work.device),
                "threads": torch.get_num_threads(),
                "micro_batch_tokens": done.token_budget,
                "own_products_by": library_name(work.device),
            },
        }
        write_facts(hidden, facts)
        interrupts.shield()
        publish_folder(hidden, final)
    except BaseException:
        discard_folder(hidden)
        raise
