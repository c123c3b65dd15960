"""The vocabulary projection at labelled positions only, for training and for scoring.

Most positions of a conversation carry no label, and their logits (positions x vocabulary) are the largest tensor there
is. So the decoder runs alone and its output head sees the labelled positions. A model that changes logits after the head
(soft-capping, scaling) is found out by a tiny forward the first time it is met, and then its full logits are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from torch import Tensor

_plain: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()  # causal model -> decoder + head is all


def labelled_logits(
    model: Any, input_ids: Tensor, attention_mask: Tensor | None, labels_mask: Tensor
) -> Tensor:
    """Logits that predict the labelled tokens, [labelled, vocabulary], row by row; gradients flow.

    `model` is a causal transformers model, or a PeftModel of adapters inside one. The tensors are [batch, length],
    padded on the right. `labels_mask[b, t]` is True where token t carries a label; its logits are those of position
    t - 1. The first token has nothing before it and is left out, so the result fits
    `labels[:, 1:][labels_mask[:, 1:]]`.
    """
    causal = _causal(model)
    wanted = labels_mask[:, 1:]
    if not projects_plainly(causal):
        full = causal(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits
        return full[:, :-1][wanted]
    hidden = causal.get_decoder()(
        input_ids=input_ids, attention_mask=attention_mask, use_cache=False
    ).last_hidden_state
    return causal.get_output_embeddings()(hidden[:, :-1][wanted])


def projects_plainly(model: Any) -> bool:
    """True where decoder then output head gives the model's own logits, bit for bit; checked once a model."""
    causal = _causal(model)
    if causal not in _plain:
        _plain[causal] = _same_logits(causal)
    return _plain[causal]


def _causal(model: Any) -> Any:
    """The transformers model itself: adapters live inside its layers, so the wrapper is not needed."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _same_logits(causal: Any) -> bool:
    import torch

    decoder, head = causal.get_decoder(), causal.get_output_embeddings()
    if head is None or decoder is causal:
        return False
    # Dropout off, or the two passes could not agree; every module gets its own mode back.
    modes = [(module, module.training) for module in causal.modules()]
    causal.eval()
    try:
        with torch.no_grad():
            vocabulary = causal.get_input_embeddings().weight.shape[0]
            ids = torch.linspace(0, vocabulary - 1, 8, device=causal.device).long()[None]
            own = causal(input_ids=ids, use_cache=False).logits
            output = decoder(input_ids=ids, use_cache=False)
            ours = head(output.last_hidden_state)
            return bool(own.shape == ours.shape and torch.equal(own, ours))
    finally:
        for module, training in modes:
            module.training = training
