"""Measurements: `python -m tests.bench`. Each stands beside a baseline measured in the same minutes."""
