"""The models that this process has in memory: each base once, shared by all its adapters.

Which adapter is active is a state of the shared model, so a lock is held around every forward pass, but only for the
pass: answers of several threads and several adapters take turns token by token.
"""

from __future__ import annotations

import gc
import json
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, cast

from ftkit.errors import CapabilityError, NotFound, NotInstalled, StorageError
from ftkit_local.projection import labelled_logits
from ftkit_local.tuned_folder import verify_files

if TYPE_CHECKING:
    from torch import Tensor

Key = tuple[Any, ...]

MAX_ENGINES = 2  # bases in memory; the one used longest ago goes first
MAX_ADAPTERS = 8  # adapters of one base in memory

_engines: OrderedDict[Key, Engine] = OrderedDict()
_registry = RLock()


def engine_for(folder: Path) -> Engine:
    """The model in `folder`, loaded at its first use and again after its files have changed.

    Raises StorageError where the weights cannot be read or do not fit the config.
    """
    key = folder_key(folder)
    with _registry:
        if key not in _engines:
            while len(_engines) >= MAX_ENGINES:
                _engines.popitem(last=False)
            gc.collect()
            _engines[key] = Engine(folder)
        _engines.move_to_end(key)
        return _engines[key]


def unload_all() -> None:
    """Forget every model; memory is free once running answers have ended."""
    with _registry:
        _engines.clear()
    gc.collect()


class Engine:
    """One base in memory. `model` is the transformers model; adapters live inside its layers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = _load(folder)
        self.lock = RLock()
        self._peft: Any = None
        self._adapters: OrderedDict[Key, str] = OrderedDict()  # to the name inside the PeftModel
        self._active: Key | None = None
        self._named = 0

    def weights(self, adapter: Path | None = None) -> Weights:
        """The base with the adapter in a PEFT folder, or alone.

        Raises StorageError where the adapter is damaged or does not fit this base.
        """
        key = None if adapter is None else folder_key(adapter)
        with self.lock:
            self.activate(adapter, key)
        return Weights(self, adapter, key)

    def activate(self, adapter: Path | None, key: Key | None) -> None:
        """Make this adapter the active one, or none; the caller holds `lock`."""
        if adapter is not None and key is not None:
            if key not in self._adapters:
                self._add(adapter, key)
            self._adapters.move_to_end(key)
        if key == self._active:
            return
        if key is None:
            self._peft.base_model.disable_adapter_layers()
        else:
            self._peft.base_model.enable_adapter_layers()
            self._peft.set_adapter(self._adapters[key], inference_mode=True)
        self._active = key

    def _add(self, folder: Path, key: Key) -> None:
        import torch
        from peft import PeftModel, set_peft_model_state_dict

        verify_files(folder)
        config, state = _adapter_config(folder), _tensors(folder)
        self._named += 1
        name, first = f"adapter{self._named}", self._peft is None
        self._active = ()  # whatever happens below, the next pass sets its adapter anew
        try:
            # The random start of the new layers must not move the generator of the caller's program.
            with _quiet(), torch.random.fork_rng():
                if first:
                    self._peft = PeftModel(self.model, config, adapter_name=name)
                else:
                    self._peft.add_adapter(name, config)
                outcome = set_peft_model_state_dict(self._peft, state, adapter_name=name)
            absent = [part for part in outcome.missing_keys if name in part.split(".")]
            if absent or outcome.unexpected_keys:
                raise ValueError(
                    f"{len(absent)} tensors are missing, {len(outcome.unexpected_keys)} unknown"
                )
        except (ValueError, RuntimeError, KeyError) as error:
            if first:
                self.model, self._peft, self._active = _load(self.folder), None, None
            elif name in self._peft.peft_config:
                self._forget(name)
            raise StorageError(
                f"the adapter in {folder} does not fit the model in {self.folder} "
                f"({' '.join(str(error).split())[:300]}): it was trained on another base, or its "
                "files are damaged"
            ) from error
        self._peft.eval()
        self._adapters[key] = name
        if len(self._adapters) > MAX_ADAPTERS:
            self._forget(self._adapters.popitem(last=False)[1])

    def _forget(self, name: str) -> None:
        with _quiet():
            self._peft.delete_adapter(name)


@dataclass(frozen=True, slots=True)
class Weights:
    """A base with one adapter chosen, or none: what the decoding loop and scoring run on."""

    engine: Engine
    adapter: Path | None
    key: Key | None

    @property
    def device(self) -> Any:
        """The torch device of the weights."""
        return self.engine.model.device

    def cache(self) -> Any:
        """An empty key-value cache of this model."""
        from transformers import DynamicCache

        return DynamicCache(config=self.engine.model.config)

    @property
    def can_share(self) -> bool:
        """True where every layer of the cache keeps all tokens, so that padding may lie between them."""
        from transformers.cache_utils import DynamicLayer

        return all(type(layer) is DynamicLayer for layer in self.cache().layers)

    def step(self, ids: Tensor, mask: Tensor | None, positions: Tensor, cache: Any) -> Tensor:
        """Logits [rows, vocabulary] after the last of ids [rows, new]; the cache grows by them."""
        with self._pass() as model:
            output = model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                use_cache=True,
                logits_to_keep=1,
                **{_cache_argument(model): cache},
            )
        return cast("Tensor", output.logits[:, -1])

    def labelled_logits(self, ids: Tensor, mask: Tensor, labels_mask: Tensor) -> Tensor:
        """Logits [labelled, vocabulary] that predict the labelled tokens; see projection.py."""
        with self._pass() as model:
            return labelled_logits(model, ids, mask, labels_mask)

    @contextmanager
    def _pass(self) -> Iterator[Any]:
        import torch

        with self.engine.lock, torch.inference_mode():
            self.engine.activate(self.adapter, self.key)
            yield self.engine.model


def _load(folder: Path) -> Any:
    try:
        from safetensors import SafetensorError
        from transformers import AutoModelForCausalLM
    except ImportError as error:
        raise NotInstalled("local models need: pip install 'ftkit[local]'") from error

    device, dtype = _device_and_dtype()
    try:
        with _quiet():
            model, report = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=dtype,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise StorageError(f"the model in {folder} cannot be loaded: {error}") from error
    if report["missing_keys"]:
        names = ", ".join(sorted(report["missing_keys"])[:3])
        raise StorageError(f"the weights in {folder} are incomplete: {names} missing")
    return model.to(device).eval()


def _device_and_dtype() -> tuple[Any, Any]:
    """Single precision on a CPU, where it is as fast and exact; half the memory where hardware has bfloat16."""
    import torch

    if torch.cuda.is_available():
        half = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.device("cuda"), torch.bfloat16 if half else torch.float32
    if torch.backends.mps.is_available():
        half = torch.backends.mps.is_macos_or_newer(14, 0)
        return torch.device("mps"), torch.bfloat16 if half else torch.float32
    return torch.device("cpu"), torch.float32


def _adapter_config(folder: Path) -> Any:
    from peft import LoraConfig

    path = folder / "adapter_config.json"
    try:
        kind = json.loads(path.read_text(encoding="utf-8")).get("peft_type")
    except (OSError, ValueError, AttributeError) as error:
        raise StorageError(f"{path} cannot be read: {error}") from error
    if kind != "LORA":
        raise CapabilityError(f"{path}: adapters of type {kind!r} are not supported; LORA is")
    with _quiet():
        config = LoraConfig.from_pretrained(str(folder))
    config.inference_mode = True
    config.init_lora_weights = True  # some starts rewrite the base's weights, which others share
    return config


def _tensors(folder: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / "adapter_model.safetensors"
    if not path.exists():
        raise NotFound(f"{path} is not there; pickled adapters (.bin) are not read")
    try:
        return cast("dict[str, Tensor]", load_file(path))
    except (OSError, SafetensorError) as error:
        raise StorageError(f"{path} is damaged: {error}") from error


def _cache_argument(model: Any) -> str:
    """transformers 5 renames the argument for the cache on its way to 5.40."""
    return "cache" if "cache" in signature(model.forward).parameters else "past_key_values"


def folder_key(folder: Path) -> Key:
    """Names a folder with its present content: a file that is replaced gets another size or time."""
    try:
        files = sorted(
            path for path in folder.iterdir() if path.suffix in (".json", ".safetensors")
        )
        stamps = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    except OSError as error:
        raise NotFound(f"there is no model folder {folder}") from error
    return (str(folder.resolve()), *stamps)


@contextmanager
def _quiet() -> Iterator[None]:
    """Loading without bars and warnings on the terminal; the caller's settings come back."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
