"""FT501: text that a tokenizer would turn into control tokens, so that a user's words could end a turn."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView

# of the widespread chat templates, for when the model is not known yet
COMMON = (
    "<|im_start|>",
    "<|im_end|>",
    "<|im_sep|>",
    "<|endoftext|>",
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|python_tag|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|start|>",
    "<|message|>",
    "<|channel|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<bos>",
    "<eos>",
    "</s>",
    "[INST]",
    "[/INST]",
    "<<SYS>>",
    "<</SYS>>",
)


def control_text(data: DataView) -> Iterator[Finding]:
    """FT501: an error for the model's own control tokens, a warning for common ones where no model is given."""
    known = data.renderer.control_tokens if data.renderer is not None else COMMON
    if not known:
        return
    # the longest first, so that of two tokens with one beginning the whole one is named
    words = sorted(known, key=lambda word: (-len(word), word))
    pattern = re.compile("|".join(map(re.escape, words)))
    rows: list[int] = []
    seen: Counter[str] = Counter()
    for row in data.rows:
        found = {word for text in row.example.texts for word in pattern.findall(text)}
        if found:
            rows.append(row.number)
            seen.update(found)
    if not rows:
        return
    own = data.renderer is not None
    counts = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
    yield Finding.on(
        rows,
        "FT501",
        Severity.ERROR if own else Severity.WARNING,
        f"text holds control tokens of {'the model' if own else 'common chat templates'}",
        detail=", ".join(f"{word} in {n:,} rows" for word, n in counts[:5]),
        why="the tokenizer reads them as the end or the start of a turn, not as text",
        mend="remove them, or write them in another way where the text is about them"
        if own
        else "remove them, or check again with the model named to see whether it uses them",
    )
