"""A sandbox Aly store and a sandbox carrier in one process, to try everything on, with faults on demand."""
