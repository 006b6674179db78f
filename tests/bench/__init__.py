"""The benchmark: ours beside the bare limit, in one run, as ratios. `make bench`; not a test."""
