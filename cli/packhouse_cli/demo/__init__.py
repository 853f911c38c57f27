"""The demonstration: two processes on a stage, a view of them, and a summary that must add up."""
