"""Benchmarks: `python -m tests.bench`. Each is compared with a baseline that is measured at the same time."""
