"""Speed as ratios, measured side by side in alternating runs. Run with `make bench`; nothing here is an assertion."""
