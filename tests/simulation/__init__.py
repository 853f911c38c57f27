"""The whole daemon in one process on virtual time: a seed decides everything, a checker judges.

`python -m tests.simulation replay 7` reports one seed, `python -m tests.simulation run 1000` runs many.
"""
