"""The benchmark: compares our speed with the bare limit, in one run, as ratios. `make bench` runs
it; it is not a test."""
