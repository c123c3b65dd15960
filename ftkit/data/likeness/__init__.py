"""Room of likeness: which texts are nearly the same, and what nearly all of them share.

`near` is its face; `exact_pairs` compares up to 20,000 texts, `sketched_pairs` more, both by runs of characters (`ngrams`).
"""
