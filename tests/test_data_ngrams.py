"""The nearest known text: exact, and the same at every run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftkit.data import NearestIndex, shingles
from ftkit.errors import DataError


def test_shingles_are_runs_of_characters_of_the_plain_text() -> None:
    assert shingles("Ab  \n CDe", n=5) == {"ab cd", "b cde"}
    assert shingles("abcabcabc", n=3) == {"abc", "bca", "cab"}


def test_a_short_text_is_its_own_only_shingle() -> None:
    assert shingles(" Hi ") == {"hi"} and shingles("") == {""}


def test_the_nearest_text_and_its_similarity() -> None:
    index = NearestIndex(["where is my card", "close my account", "where is my parcel"])
    assert index.nearest("WHERE is  my card") == (0, 1.0)
    found, similarity = index.nearest("where is my parcels")
    assert found == 2 and similarity == pytest.approx(14 / 15)


def test_of_equally_near_texts_the_first_is_named() -> None:
    assert NearestIndex(["xxxxxx", "abcdef", "abcdef"]).nearest("abcdef") == (1, 1.0)
    assert NearestIndex(["xxxxxx", "yyyyyy"]).nearest("abcdef") == (0, 0.0)


def test_an_index_of_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="no text to compare with"):
        NearestIndex([])


_TEXTS = st.text(alphabet="ab ", max_size=12)


@given(st.lists(_TEXTS, min_size=1, max_size=12), _TEXTS, st.integers(1, 4))
def test_the_index_agrees_with_comparing_every_pair(texts: list[str], query: str, n: int) -> None:
    def jaccard(text: str) -> float:
        one, other = shingles(text, n), shingles(query, n)
        return len(one & other) / len(one | other)

    best = max(range(len(texts)), key=lambda i: (jaccard(texts[i]), -i))
    assert NearestIndex(texts, n).nearest(query) == (best, jaccard(texts[best]))
