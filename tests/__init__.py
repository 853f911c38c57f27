"""The tests mirror the tree: tests/service, tests/cli, tests/docs, and what runs the whole."""
