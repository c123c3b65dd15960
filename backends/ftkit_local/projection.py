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
    return causal.get_output_embeddings()(
        labelled_hidden(model, input_ids, attention_mask, labels_mask)
    )


def labelled_hidden(
    model: Any, input_ids: Tensor, attention_mask: Tensor | None, labels_mask: Tensor
) -> Tensor:
    """What the output head reads of the labelled tokens, [labelled, hidden], in the order of `labelled_logits`."""
    hidden = (
        _causal(model)
        .get_decoder()(input_ids=input_ids, attention_mask=attention_mask, use_cache=False)
        .last_hidden_state
    )
    selected: Tensor = hidden[:, :-1][labels_mask[:, 1:]]
    return selected


def head_weight(model: Any) -> Tensor | None:
    """The weight [vocabulary, hidden] of an output head that is a product with it and nothing else; else None."""
    import torch

    head = _causal(model).get_output_embeddings()
    if type(head) is not torch.nn.Linear or head.bias is not None or not projects_plainly(model):
        return None
    weight: Tensor = head.weight
    return weight


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
