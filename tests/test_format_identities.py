"""The hash of data that was loaded before stays what it was: a run, a record or a split of yesterday is found by it."""

from __future__ import annotations

from typing import Any

import pytest

from ftkit.data import load

USER, ANSWER = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}
SYSTEM = {"role": "system", "content": "Be brief."}
GONE = {"role": "assistant", "content": "Go"}
ROWS: dict[str, dict[str, Any]] = {
    "chat": {"messages": [SYSTEM, USER, ANSWER], "id": 1},
    "preference": {
        "input": {"messages": [USER]},
        "preferred_output": [ANSWER],
        "non_preferred_output": [GONE],
    },
    "chosen_rejected": {"prompt": "Hi", "chosen": "Hello", "rejected": "Go"},
    "alpaca": {"instruction": "Hi", "input": "", "output": "Hello"},
    "sharegpt": {
        "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
    },
    "prompt_completion": {"prompt": "Hi ->", "completion": " Hello END"},
}
PLAIN = {
    "chat": "d6504096d4d7fcc38b90c5155fc9afd091da0044b4369aa85ad97ddd388f1f0e",
    "preference": "70659041e0dd6f61e3ffb0ca9d1a11d008ac63a567ad0a6b6cb81a6356c5c123",
    "chosen_rejected": "5a456ec310f532c40c185e26aa1c04f9f0d5c23b5a710c3ff9ffe63a3cfe867e",
    "alpaca": "65f84022567861d3452531d5751d4220be09acea54eba238e97af18a8d87c12c",
    "sharegpt": "c161a34490115c313e27a7bfc0402d1cb7aabb30cf1af1a0a8035aa8b438429a",
    "prompt_completion": "17edc421a5b9b8df61b4f23172fda9715df5aea41615fd4680457ca5b6ef8c76",
}
UNDER_A_SYSTEM = {
    "preference": "deeeb924e26ef032075ae8c14e7337b9f1b2a711ac4dd02619d6282b79c4b863",
    "chosen_rejected": "8d496da057adc023bc8435f05edbf17643aa48f74109e5c79d3c00d09a94d69a",
    "alpaca": "57cca524939613cc9a2f960ba67d19d7ed95b507368a1a6fa290d971c74d91c4",
    "sharegpt": "cfd5ec6291d00d8b622c1eb011951fefac763a43cacccd2272dbc88915eb93d2",
    "prompt_completion": "bda0492d9c30c67c02eb0cb8bad7069d5749ce824e86eb8ec944827b6edd4db5",
}


@pytest.mark.parametrize("format", PLAIN)
def test_data_keeps_its_hash(format: str) -> None:
    data = load([ROWS[format]])
    assert (data.format, data.sha256) == (format, PLAIN[format])


@pytest.mark.parametrize("format", UNDER_A_SYSTEM)
def test_data_under_a_system_message_keeps_its_hash(format: str) -> None:
    assert load([ROWS[format]], system="S.").sha256 == UNDER_A_SYSTEM[format]
