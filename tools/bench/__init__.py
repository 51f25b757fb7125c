"""Benchmarks: each measures a ratio to something else in the same run, for machines are noisy."""
