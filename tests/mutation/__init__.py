"""Mutation tests: one small mistake at a time in the modules that move money, and the tests that reach it."""
