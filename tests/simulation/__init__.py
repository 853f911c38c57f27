"""The whole daemon in one process under virtual time: one seed decides all that happens, a checker judges it.

`python -m tests.simulation replay 7` tells one seed's story, `python -m tests.simulation run 1000` runs many.
"""
